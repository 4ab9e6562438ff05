"""The products of a LoRA layer with its dropped input, without ever writing that input down.

An adapter's part of a step is bound by memory, not by arithmetic: x is (tokens, in) and the adapter only r wide. With dropout
as a step of its own, x is read and written once more for each product. On a GPU one Triton kernel a product drops the
elements as it reads them (dropout.py says which); elsewhere the same is computed step by step.
"""

from functools import cache
from typing import Any

from training.model.dropout import drop, threshold

PARTS = 32  # of the tokens, summed apart and then together, always in the same order


def dropped_product(x: Any, A: Any, seed: int, p: float) -> Any:
    """drop(x) Aᵀ for contiguous x of shape (tokens, in) and A of shape (r, in); shape (tokens, r), x's type."""
    if not p or x.device.type != "cuda":
        return drop(x, seed, p) @ A.t()
    import torch

    (rows, width), rank = x.shape, A.shape[0]
    out = torch.empty(rows, rank, device=x.device, dtype=x.dtype)
    size = {"ROWS": 32, "WIDTH": 128, "R": padded(rank), "num_warps": 4, "num_stages": 3}
    kernels()[0][(-(-rows // 32),)](x, A.contiguous(), out, rows, width, rank, *dropping(x, seed, p), **size)
    return out


def dropped_gradient(x: Any, dh: Any, seed: int, p: float) -> Any:
    """The gradient of A: dhᵀ drop(x) for dh of shape (tokens, r); shape (r, in), float32 on a GPU, else x's type."""
    if not p or x.device.type != "cuda":
        return dh.t() @ drop(x, seed, p)
    import torch

    (rows, width), rank = x.shape, dh.shape[1]
    share = -(-rows // (PARTS * 64)) * 64
    out = torch.empty(PARTS, rank, width, device=x.device, dtype=torch.float32)
    size = {"ROWS": 64, "WIDTH": 128, "R": padded(rank), "num_warps": 4, "num_stages": 3}
    kernels()[1][(-(-width // 128), PARTS)](
        x, dh.contiguous(), out, rows, width, rank, share, *dropping(x, seed, p), **size
    )
    return out.sum(0)


def add_dropped_product_(total: Any, dh: Any, A: Any, seed: int, p: float) -> Any:
    """Add drop(dh A), the adapter's part of the gradient of x, to `total` in place; shape (tokens, in)."""
    if not p:
        return total.addmm_(dh, A)
    if total.device.type != "cuda":
        return total.add_(drop(dh @ A, seed, p))
    (rows, width), rank = total.shape, A.shape[0]
    size = {"ROWS": 32, "WIDTH": 128, "R": padded(rank), "num_warps": 4}
    kernels()[2][(-(-rows // 32), -(-width // 128))](
        total, dh.contiguous(), A.contiguous(), rows, width, rank, *dropping(total, seed, p), **size
    )
    return total


def dropping(x: Any, seed: int, p: float) -> tuple[int, int, float]:
    """What the kernels are told of the dropout: the least hash that is kept, the seed, and the scale."""
    if x.numel() >= 2**31:
        raise ValueError(f"{x.numel():,} activations of one layer: expected fewer than 2^31, take a smaller batch")
    return signed(threshold(p)), signed(seed), 1 / (1 - p)


def signed(value: int) -> int:
    """The same 32 bits as a signed number: Triton takes arguments as int32."""
    return value - 2**32 if value >= 2**31 else value


def padded(rank: int) -> int:
    """The rank as Triton's matrix product takes it: a power of two, at least 16."""
    return max(16, 1 << (rank - 1).bit_length())


@cache
def kernels() -> tuple[Any, Any, Any]:
    """The three Triton kernels, compiled when they are first used. Triton is there where CUDA is."""
    from training.model import dropped_product_kernels as found

    return found.product_kernel, found.gradient_kernel, found.add_product_kernel
