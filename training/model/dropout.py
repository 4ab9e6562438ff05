"""Dropout whose mask is computed from a seed and never stored: the backward pass computes it again.

Whether an element is kept depends on (seed, its place) alone, through a 32-bit integer hash (Wellons 2018, "lowbias32"), so
that a GPU (Triton) and a CPU (torch) drop the very same elements. An adapter on seven projections of an 8B model would
otherwise keep three bytes for each of 39,000 numbers per layer and token.
"""

from typing import Any


def threshold(p: float) -> int:
    """An element is dropped where its hash lies below this; p is met within 2**-32."""
    return round(p * 2**32)


def keep_mask(shape: tuple[int, ...], seed: int, p: float, device: Any) -> Any:
    """True where an element is kept; bool tensor of this shape. The reference that the Triton kernels agree with."""
    import torch

    low = 0xFFFFFFFF
    size = 1
    for length in shape:
        size *= length
    value = (torch.arange(size, device=device, dtype=torch.int64) * 0x9E3779B9 + seed) & low
    value = ((value ^ (value >> 16)) * 0x21F0AAAD) & low
    value = ((value ^ (value >> 15)) * 0x735A2D97) & low
    return ((value ^ (value >> 15)) >= threshold(p)).view(shape)


def drop(x: Any, seed: int, p: float) -> Any:
    """`x` with a share p of its elements set to zero and the others divided by 1 - p; x of any shape."""
    return x * keep_mask(tuple(x.shape), seed, p, x.device) / (1 - p) if p else x
