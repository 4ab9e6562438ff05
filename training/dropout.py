"""Dropout whose mask is computed from a seed and never stored: the backward pass computes it again.

Whether an element is kept depends on (seed, its place) alone, through a 32-bit integer hash (Wellons 2018, "lowbias32"), so
that a GPU (Triton) and a CPU (torch) drop the very same elements. An adapter on seven projections of an 8B model would
otherwise keep three bytes for each of 39,000 numbers per layer and token.
"""

from functools import cache
from typing import Any

BLOCK = 1024


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
    """`x` with a share p of its elements set to zero and the others divided by 1 - p; contiguous x of any shape."""
    if not p:
        return x
    if x.device.type == "cuda":
        import torch

        out = torch.empty_like(x)
        kernels()[0][grid(x)](x, out, x.numel(), signed(threshold(p)), signed(seed), 1 / (1 - p), BLOCK=BLOCK)
        return out
    return x * keep_mask(tuple(x.shape), seed, p, x.device) / (1 - p)


def add_dropped_(total: Any, update: Any, seed: int, p: float) -> Any:
    """Add `drop(update)` to `total` in place; both contiguous and of one shape."""
    if not p:
        return total.add_(update)
    if total.device.type == "cuda":
        kernels()[1][grid(total)](
            total, update, total.numel(), signed(threshold(p)), signed(seed), 1 / (1 - p), BLOCK=BLOCK
        )
        return total
    return total.add_(drop(update, seed, p))


def grid(x: Any) -> tuple[int]:
    """Blocks of a kernel over all elements of x."""
    if x.numel() >= 2**31:
        raise ValueError(f"{x.numel():,} activations of one layer: expected fewer than 2^31, take a smaller batch")
    return (-(-x.numel() // BLOCK),)


def signed(value: int) -> int:
    """The same 32 bits as a signed number: Triton takes arguments as int32."""
    return value - 2**32 if value >= 2**31 else value


@cache
def kernels() -> tuple[Any, Any]:
    """The two Triton kernels, compiled when they are first used. Triton is there where CUDA is."""
    from training import dropout_kernels

    return dropout_kernels.drop_kernel, dropout_kernels.add_dropped_kernel
