"""Dropout whose mask is computed from a seed instead of stored; the backward pass recomputes it.

Whether an element is kept depends only on the seed and the element's index, through a 32-bit integer hash (Wellons 2018,
"lowbias32"), so that Triton on a GPU and torch on a CPU drop the same elements. A stored mask would take three bytes for each
of 39,000 numbers per layer and token, with an adapter on seven projections of an 8B model.
"""

import torch
from torch import Tensor


def threshold(p: float) -> int:
    """Hash below which an element is dropped; the dropout probability is exact within 2**-32."""
    return round(p * 2**32)


def keep_mask(shape: tuple[int, ...], seed: int, p: float, device: torch.device | str) -> Tensor:
    """Bool tensor of this shape, True for kept elements. The Triton kernels compute the same mask."""
    low = 0xFFFFFFFF
    size = 1
    for length in shape:
        size *= length
    value = (torch.arange(size, device=device, dtype=torch.int64) * 0x9E3779B9 + seed) & low
    value = ((value ^ (value >> 16)) * 0x21F0AAAD) & low
    value = ((value ^ (value >> 15)) * 0x735A2D97) & low
    return ((value ^ (value >> 15)) >= threshold(p)).view(shape)


def drop(x: Tensor, seed: int, p: float) -> Tensor:
    """`x` of any shape with dropout: elements are zeroed with probability p, the others divided by 1 - p."""
    return x * keep_mask(tuple(x.shape), seed, p, x.device) / (1 - p) if p else x
