"""Matrix products of a LoRA layer with its input after dropout, without storing that input.

The products are bound by memory bandwidth: x is (tokens, in), and the adapter has only r columns. Dropout as a separate
operation would read and write x once more per product. On a GPU, one Triton kernel per product drops elements as it reads them
(see dropout.py); on a CPU, dropout and product are separate operations with the same result.
"""

from functools import cache
from typing import Any

import torch

from training.model.dropout import drop, threshold

PARTS = 32  # blocks of tokens, summed separately and then in a fixed order, so that the result is deterministic


def dropped_product(x: Any, A: Any, seed: int, p: float) -> Any:
    """drop(x) Aᵀ for contiguous x of shape (tokens, in) and A of shape (r, in); shape (tokens, r), x's type."""
    if not p or x.device.type != "cuda":
        return drop(x, seed, p) @ A.t()
    (rows, width), rank = x.shape, A.shape[0]
    out = torch.empty(rows, rank, device=x.device, dtype=x.dtype)
    size = {"ROWS": 32, "WIDTH": 128, "R": padded(rank), "num_warps": 4, "num_stages": 3}
    kernels()[0][(-(-rows // 32),)](x, A.contiguous(), out, rows, width, rank, *dropping(x, seed, p), **size)
    return out


def dropped_gradient(x: Any, dh: Any, seed: int, p: float) -> Any:
    """The gradient of A: dhᵀ drop(x) for dh of shape (tokens, r); shape (r, in), float32 on a GPU, else x's type."""
    if not p or x.device.type != "cuda":
        return dh.t() @ drop(x, seed, p)
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
    """The kernels' dropout arguments: the smallest hash that is kept, the seed, and the scale. Raises ValueError for 2^31 elements."""
    if x.numel() >= 2**31:
        raise ValueError(f"{x.numel():,} activations of one layer: expected fewer than 2^31, take a smaller batch")
    return signed(threshold(p)), signed(seed), 1 / (1 - p)


def signed(value: int) -> int:
    """Reinterpret an unsigned 32-bit integer as a signed one, which Triton expects."""
    return value - 2**32 if value >= 2**31 else value


def padded(rank: int) -> int:
    """The rank rounded up to a power of two, at least 16, as tl.dot requires."""
    return max(16, 1 << (rank - 1).bit_length())


@cache
def kernels() -> tuple[Any, Any, Any]:
    """The three Triton kernels. They are imported lazily, because Triton is installed only with CUDA."""
    from training.model.dropped_product_kernels import add_product_kernel, gradient_kernel, product_kernel

    return product_kernel, gradient_kernel, add_product_kernel
