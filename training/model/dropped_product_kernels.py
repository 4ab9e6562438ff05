"""The Triton side of dropped_product.py; imported on GPUs only. Rows are tokens, R is the adapter's rank, padded to 16."""

import triton  # pyright: ignore[reportMissingImports]
import triton.language as tl  # pyright: ignore[reportMissingImports]

# They differ from step to step: a kernel that is compiled for multiples of 16 would be compiled once more for others.
CHANGING = ("rows", "limit", "seed")


@triton.jit
def is_kept(indices, limit, seed):
    """True where an element is kept: the hash of dropout.keep_mask.

    Each product is cast back to 32 bits, because a constant above 2^31 makes it 64-bit.
    """
    value = (indices.to(tl.uint32) * 0x9E3779B9 + seed.to(tl.uint32)).to(tl.uint32)
    value = ((value ^ (value >> 16)) * 0x21F0AAAD).to(tl.uint32)
    value = ((value ^ (value >> 15)) * 0x735A2D97).to(tl.uint32)
    return (value ^ (value >> 15)) >= limit.to(tl.uint32)


@triton.jit(do_not_specialize=CHANGING)
def product_kernel(
    x, a, out, rows, width, rank, limit, seed, scale, ROWS: tl.constexpr, WIDTH: tl.constexpr, R: tl.constexpr
):
    """out[rows, rank] = where(is_kept, x, 0)[rows, width] @ a[rank, width].T * scale, one program for ROWS rows."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column, r = tl.arange(0, WIDTH), tl.arange(0, R)
    total = tl.zeros((ROWS, R), dtype=tl.float32)
    for start in range(0, width, WIDTH):
        columns = start + column
        inside = (row[:, None] < rows) & (columns[None, :] < width)
        indices = row[:, None] * width + columns[None, :]
        value = tl.load(x + indices, mask=inside, other=0.0)
        value = tl.where(is_kept(indices, limit, seed), value, 0.0).to(value.dtype)
        weight = tl.load(
            a + r[None, :] * width + columns[:, None], mask=(r[None, :] < rank) & (columns[:, None] < width), other=0.0
        )
        total = tl.dot(value, weight, total)
    inside = (row[:, None] < rows) & (r[None, :] < rank)
    tl.store(out + row[:, None] * rank + r[None, :], (total * scale).to(out.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=CHANGING)
def gradient_kernel(
    x, dh, out, rows, width, rank, share, limit, seed, scale, ROWS: tl.constexpr, WIDTH: tl.constexpr, R: tl.constexpr
):
    """out[part, rank, width] = dh[rows of the part, rank].T @ where(is_kept, x, 0) * scale; a part is `share` rows."""
    column, r = tl.program_id(0) * WIDTH + tl.arange(0, WIDTH), tl.arange(0, R)
    part = tl.program_id(1)
    total = tl.zeros((R, WIDTH), dtype=tl.float32)
    for start in range(0, share, ROWS):
        row = part * share + start + tl.arange(0, ROWS)
        inside = (row[:, None] < rows) & (column[None, :] < width)
        indices = row[:, None] * width + column[None, :]
        value = tl.load(x + indices, mask=inside, other=0.0)
        value = tl.where(is_kept(indices, limit, seed), value, 0.0).to(value.dtype)
        gradient = tl.load(
            dh + row[None, :] * rank + r[:, None], mask=(r[:, None] < rank) & (row[None, :] < rows), other=0.0
        )
        total = tl.dot(gradient, value, total)
    inside = (r[:, None] < rank) & (column[None, :] < width)
    tl.store(out + (part * rank + r[:, None]) * width + column[None, :], total * scale, mask=inside)


@triton.jit(do_not_specialize=CHANGING)
def add_product_kernel(
    total, dh, a, rows, width, rank, limit, seed, scale, ROWS: tl.constexpr, WIDTH: tl.constexpr, R: tl.constexpr
):
    """total[rows, width] += where(is_kept, dh[rows, rank] @ a[rank, width], 0) * scale."""
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    column, r = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH), tl.arange(0, R)
    inside = (row[:, None] < rows) & (column[None, :] < width)
    indices = row[:, None] * width + column[None, :]
    before = tl.load(total + indices, mask=inside, other=0.0)
    gradient = tl.load(
        dh + row[:, None] * rank + r[None, :], mask=(row[:, None] < rows) & (r[None, :] < rank), other=0.0
    )
    weight = tl.load(
        a + r[:, None] * width + column[None, :], mask=(r[:, None] < rank) & (column[None, :] < width), other=0.0
    )
    update = tl.where(is_kept(indices, limit, seed), tl.dot(gradient, weight) * scale, 0.0)
    tl.store(total + indices, (before.to(tl.float32) + update).to(before.dtype), mask=inside)
