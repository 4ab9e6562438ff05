"""The Triton side of dropout.py; imported on GPUs only."""

import triton
import triton.language as tl


@triton.jit
def kept(places, limit, seed):
    """True where an element is kept: the hash of dropout.keep_mask.

    Each product goes back to 32 bits: a constant above 2^31 makes 64 of them.
    """
    value = (places.to(tl.uint32) * 0x9E3779B9 + seed.to(tl.uint32)).to(tl.uint32)
    value = ((value ^ (value >> 16)) * 0x21F0AAAD).to(tl.uint32)
    value = ((value ^ (value >> 15)) * 0x735A2D97).to(tl.uint32)
    return (value ^ (value >> 15)) >= limit.to(tl.uint32)


@triton.jit(do_not_specialize=["limit", "seed"])
def drop_kernel(x, out, size, limit, seed, scale, BLOCK: tl.constexpr):
    """out = x where kept, times scale; else 0."""
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = places < size
    value = tl.load(x + places, mask=inside)
    tl.store(out + places, tl.where(kept(places, limit, seed), value * scale, 0.0).to(value.dtype), mask=inside)


@triton.jit(do_not_specialize=["limit", "seed"])
def add_dropped_kernel(total, update, size, limit, seed, scale, BLOCK: tl.constexpr):
    """total += update where kept, times scale."""
    places = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = places < size
    before = tl.load(total + places, mask=inside)
    added = tl.where(kept(places, limit, seed), tl.load(update + places, mask=inside) * scale, 0.0)
    tl.store(total + places, (before + added).to(before.dtype), mask=inside)
