"""The operations of `ops.py` as one Triton kernel each; import it only on a GPU.

Between two products of a decoding step lie a few microseconds of work. As separate torch operations they are a dozen kernels,
which take longer than the products for one row. Intermediate results are rounded as transformers rounds them.
"""

from typing import Any

# Triton is not everywhere, and its kernels are launched by index
# pyright: reportMissingImports=false, reportIndexIssue=false
import torch
import triton
import triton.language as tl
from torch import Tensor
from triton import next_power_of_2

from titlecraft.models.decoding.ops import TorchOps

COLUMNS = 64  # of the cache that a program reads at once
FEWEST = 16  # rows of a tile of tl.dot
MANY = 16_384  # outputs from which taller tiles read weights faster, measured on an H200


def few_rows_product(x: Tensor, weight: Tensor) -> Tensor:
    """Return x Wᵀ of at most FEWEST rows x [n, in] and a weight [out, in], in 16 bit."""
    (n, width), count = x.shape, len(weight)
    out = x.new_empty(n, count)
    rows, columns = (64, 128) if count >= MANY else (32, 256)
    few_rows_product_kernel[(triton.cdiv(count, rows),)](
        x, weight, out, n, count, width, x.stride(0), weight.stride(0),
        ROWS=rows, COLUMNS=columns, N=FEWEST, num_warps=4, num_stages=4,
    )  # fmt: skip
    return out


class TritonOps(TorchOps):
    """Operations on a GPU, on tensors whose last dimension is contiguous."""

    few_rows_product = staticmethod(few_rows_product)

    def add_norm(self, stream: Tensor, change: Tensor | None, norm: Any) -> tuple[Tensor, Tensor]:
        """Return the normalised residual stream after a change, and the stream."""
        rows, width = stream.shape
        normed, total = torch.empty_like(stream), torch.empty_like(stream)
        add_norm_kernel[(rows,)](
            stream,
            stream if change is None else change,
            norm.weight,
            normed,
            total,
            width,
            0 if change is None else change.stride(0),
            norm.variance_epsilon,
            ADD=change is not None,
            WIDTH=next_power_of_2(width),
            num_warps=8,
        )
        return normed, total

    def silu_product(self, gate_up: Tensor) -> Tensor:
        """Return silu(gate) · up of [tokens, 2 · width]."""
        rows, width = len(gate_up), gate_up.shape[1] // 2
        out = gate_up.new_empty(rows, width)
        silu_product_kernel[(rows, triton.cdiv(width, 1024))](gate_up, out, width, gate_up.stride(0), BLOCK=1024)
        return out

    def rotate(
        self, qkv: Tensor, cos: Tensor, sin: Tensor, rows: Any, positions: Tensor, k: Any, v: Any, heads: int
    ) -> None:
        """Rotate queries and keys in place, and put keys and values into the cache, if there is one."""
        size, stores = cos.shape[1], k is not None
        groups, columns = (qkv.shape[1] // size - heads) // 2, k.shape[2] if stores else 0
        rows, k, v = (rows, k, v) if stores else (positions, qkv, qkv)
        rotate_kernel[(len(qkv), heads + 2 * groups)](
            qkv, cos, sin, rows, positions, k, v, qkv.stride(0), heads, groups, columns,
            HALF=size // 2, BLOCK=next_power_of_2(size // 2), STORE=stores, num_warps=1,
        )  # fmt: skip

    def attend(
        self, qkv: Tensor, k: Tensor, v: Tensor, positions: Tensor, longest: int, heads: int, scale: float
    ) -> Tensor:
        """Return the attention [rows, heads · size] of one query token of each row to its columns up to its position.

        Reads the columns of each row up to its own position, and no others.
        """
        groups, columns, size = k.shape[1:]
        out = qkv.new_empty(len(qkv), heads * size)
        attend_kernel[(len(qkv), groups)](
            qkv, k, v, out, positions, qkv.stride(0), groups, columns, scale,
            SHARE=heads // groups, SIZE=size, HEADS=max(FEWEST, next_power_of_2(heads // groups)),
            WIDTH=max(FEWEST, next_power_of_2(size)), COLUMNS=COLUMNS, num_warps=4, num_stages=2,
        )  # fmt: skip
        return out


@triton.jit
def few_rows_product_kernel(
    x, weight, out, n, count, width, stride_x, stride, ROWS: tl.constexpr, COLUMNS: tl.constexpr, N: tl.constexpr
):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    token = tl.arange(0, N)
    start_of_row = weight + row.to(tl.int64)[:, None] * stride
    total = tl.zeros([ROWS, N], tl.float32)
    for start in range(0, width, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        inside = column < width
        tile = tl.load(start_of_row + column[None, :], mask=(row < count)[:, None] & inside[None, :], other=0.0)
        there = (token < n)[None, :] & inside[:, None]
        piece = tl.load(x + token[None, :] * stride_x + column[:, None], mask=there, other=0.0)
        total = tl.dot(tile, piece, total)
    here = (row < count)[:, None] & (token < n)[None, :]
    tl.store(out + token[None, :] * count + row[:, None], total.to(out.dtype.element_ty), mask=here)


@triton.jit
def add_norm_kernel(
    stream, change, weight, normed, total, width, stride, epsilon, ADD: tl.constexpr, WIDTH: tl.constexpr
):
    row, column = tl.program_id(0), tl.arange(0, WIDTH)
    inside = column < width
    kind = stream.dtype.element_ty
    value = tl.load(stream + row * width + column, mask=inside, other=0.0)
    if ADD:
        added = tl.load(change + row.to(tl.int64) * stride + column, mask=inside, other=0.0)
        value = (value.to(tl.float32) + added.to(tl.float32)).to(kind)
    tl.store(total + row * width + column, value, mask=inside)
    wide = value.to(tl.float32)
    scale = tl.rsqrt(tl.sum(wide * wide, 0) / width + epsilon)
    factor = tl.load(weight + column, mask=inside, other=0.0)
    result = (wide * scale).to(kind).to(tl.float32) * factor.to(tl.float32)
    tl.store(normed + row * width + column, result.to(kind), mask=inside)


@triton.jit
def silu_product_kernel(gate_up, out, width, stride, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < width
    kind = gate_up.dtype.element_ty
    gate = tl.load(gate_up + row * stride + column, mask=inside, other=0.0).to(tl.float32)
    up = tl.load(gate_up + row * stride + width + column, mask=inside, other=0.0).to(tl.float32)
    activated = (gate / (1.0 + tl.exp(-gate))).to(kind).to(tl.float32)
    tl.store(out + row * width + column, (activated * up).to(kind), mask=inside)


@triton.jit
def rotate_kernel(
    qkv,
    cos,
    sin,
    rows,
    positions,
    k,
    v,
    stride,
    heads,
    groups,
    columns,
    HALF: tl.constexpr,
    BLOCK: tl.constexpr,
    STORE: tl.constexpr,
):
    token, head = tl.program_id(0), tl.program_id(1)
    position, row = tl.load(positions + token).to(tl.int64), tl.load(rows + token).to(tl.int64)
    d = tl.arange(0, BLOCK)
    inside = d < HALF
    kind = qkv.dtype.element_ty
    start = qkv + token.to(tl.int64) * stride + head * 2 * HALF
    left = tl.load(start + d, mask=inside, other=0.0)
    right = tl.load(start + HALF + d, mask=inside, other=0.0)
    if head < heads + groups:
        angle = position * 2 * HALF + d
        c1, c2 = tl.load(cos + angle, mask=inside, other=0.0), tl.load(cos + angle + HALF, mask=inside, other=0.0)
        s1, s2 = tl.load(sin + angle, mask=inside, other=0.0), tl.load(sin + angle + HALF, mask=inside, other=0.0)
        first, second = left.to(tl.float32), right.to(tl.float32)
        along, across = (first * c1.to(tl.float32)).to(kind), (-second * s1.to(tl.float32)).to(kind)
        left = (along.to(tl.float32) + across.to(tl.float32)).to(kind)
        along, across = (second * c2.to(tl.float32)).to(kind), (first * s2.to(tl.float32)).to(kind)
        right = (along.to(tl.float32) + across.to(tl.float32)).to(kind)
        tl.store(start + d, left, mask=inside)
        tl.store(start + HALF + d, right, mask=inside)
        if STORE and head >= heads:
            place = ((row * groups + head - heads) * columns + position) * 2 * HALF + d
            tl.store(k + place, left, mask=inside)
            tl.store(k + place + HALF, right, mask=inside)
    elif STORE:
        place = ((row * groups + head - heads - groups) * columns + position) * 2 * HALF + d
        tl.store(v + place, left, mask=inside)
        tl.store(v + place + HALF, right, mask=inside)


@triton.jit
def attend_kernel(
    qkv, k, v, out, positions, stride, groups, columns, scale,
    SHARE: tl.constexpr, SIZE: tl.constexpr, HEADS: tl.constexpr, WIDTH: tl.constexpr, COLUMNS: tl.constexpr,
):  # fmt: skip
    row, group = tl.program_id(0).to(tl.int64), tl.program_id(1)
    length = tl.load(positions + row) + 1
    head, d = tl.arange(0, HEADS), tl.arange(0, WIDTH)
    mine = (head < SHARE)[:, None] & (d < SIZE)[None, :]
    place = (group * SHARE + head)[:, None] * SIZE + d[None, :]
    query = tl.load(qkv + row * stride + place, mask=mine, other=0.0)
    cache = (row * groups + group) * columns * SIZE
    best = tl.full([HEADS], -1.0e30, tl.float32)
    weights = tl.zeros([HEADS], tl.float32)
    mixed = tl.zeros([HEADS, WIDTH], tl.float32)
    for start in range(0, length, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        seen = column < length
        here = cache + column[:, None] * SIZE + d[None, :]
        there = seen[:, None] & (d < SIZE)[None, :]
        keys = tl.load(k + here, mask=there, other=0.0)
        scores = tl.dot(query, tl.trans(keys), input_precision="ieee") * scale
        scores = tl.where(seen[None, :], scores, -1.0e30)
        top = tl.maximum(best, tl.max(scores, 1))
        shrink, chances = tl.exp(best - top), tl.exp(scores - top[:, None])
        values = tl.load(v + here, mask=there, other=0.0)
        mixed = mixed * shrink[:, None] + tl.dot(chances.to(values.dtype), values, input_precision="ieee")
        weights = weights * shrink + tl.sum(chances, 1)
        best = top
    result = (mixed / weights[:, None]).to(out.dtype.element_ty)
    tl.store(out + row * groups * SHARE * SIZE + place, result, mask=mine)
