"""The operations between the matrix products of a decoding step, in torch. `kernels.py` has each as one GPU kernel."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention, silu


class TorchOps:
    """Operations on any device."""

    few_rows_product: Any = None  # x Wᵀ for few rows, where it is faster than torch's

    def add_norm(self, stream: Tensor, change: Tensor | None, norm: Any) -> tuple[Tensor, Tensor]:
        """Add `change` to the residual stream; return the normalised stream and the stream, [tokens, hidden] each."""
        stream = stream if change is None else stream + change
        return norm(stream), stream

    def silu_product(self, gate_up: Tensor) -> Tensor:
        """Return silu(gate) · up of [tokens, 2 · width]."""
        gate, up = gate_up.chunk(2, -1)
        return silu(gate) * up

    def rotate(
        self, qkv: Tensor, cos: Tensor, sin: Tensor, rows: Any, positions: Tensor, k: Any, v: Any, heads: int
    ) -> None:
        """Rotate queries and keys in place (rotary embedding), and write keys and values into the cache, if there is one.

        Args:
            qkv: [tokens, (heads + 2 · groups) · size].
            cos, sin: [positions, size].
            rows, positions: of each token, in the cache.
            k, v: a layer's cache, [rows, groups, columns, size], or None.
        """
        size = cos.shape[1]
        groups = (qkv.shape[1] // size - heads) // 2
        queries_keys, values = qkv.unflatten(-1, (-1, size)).split([heads + groups, groups], 1)
        left, right = queries_keys[..., : size // 2], queries_keys[..., size // 2 :]
        turned = -right.clone(), left.clone()
        cosine, sine = cos[positions][:, None], sin[positions][:, None]
        queries_keys.mul_(cosine)
        left.add_(turned[0] * sine[..., : size // 2])
        right.add_(turned[1] * sine[..., size // 2 :])
        if k is not None:
            k[rows, :, positions] = queries_keys[:, heads:]
            v[rows, :, positions] = values

    def attend(
        self, qkv: Tensor, k: Tensor, v: Tensor, positions: Tensor, longest: int, heads: int, scale: float
    ) -> Tensor:
        """Return the attention output [rows, heads · size] of one query token of each row over the cache up to its position.

        Query heads that share a key head are passed as query tokens, so keys are not copied for each head.
        """
        rows, (groups, size) = len(qkv), (k.shape[1], k.shape[3])
        q = qkv[:, : heads * size].view(rows, groups, heads // groups, size)
        k, v = k[:rows, :, :longest], v[:rows, :, :longest]
        mask = None
        if rows > 1 or (longest > 1 and qkv.is_cuda):  # a captured step attends over the whole cache
            seen = positions[:, None] >= torch.arange(longest, device=positions.device)
            mask = seen[:, None, None].expand(rows, 1, heads // groups, longest)
        return scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=scale).reshape(rows, -1)
