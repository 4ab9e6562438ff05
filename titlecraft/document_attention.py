"""Attention within documents: several examples stand in one row, and none of them sees another.

Registered with transformers as DOCUMENTS. The borders come with the batch (`cu_seq_lens_q`, as transformers'
DataCollatorWithFlattening writes them). Where the GPU can, torch's own varlen kernel does all documents at once; elsewhere
(an older GPU, a CPU) each document goes through scaled_dot_product_attention alone. No mask is ever built: a mask over
16,384 tokens squared costs more than the attention itself.
"""

import inspect
from functools import cache
from itertools import pairwise
from typing import Any

from titlecraft.errors import UserError

DOCUMENTS = "titlecraft_documents"


@cache
def varlen_fault(device_type: str) -> str | None:
    """Why torch's varlen attention cannot run on this kind of device, or None where it can."""
    import torch

    if device_type != "cuda":
        return f"it needs a CUDA GPU, this is {device_type}"
    if torch.cuda.get_device_capability() < (8, 0):
        return f"{torch.cuda.get_device_name()} is older than compute capability 8.0"
    try:
        from torch.nn.attention.varlen import varlen_attn  # noqa: F401
    except ImportError:
        return f"torch {torch.__version__} has none"
    return None


def use_documents_attention(model: Any) -> str:
    """Let `model` attend within documents; returns how it does, for the record."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, flash_attention_mask

    AttentionInterface.register(DOCUMENTS, attend_within_documents)
    AttentionMaskInterface.register(DOCUMENTS, flash_attention_mask)  # none where nothing is padded
    model.set_attn_implementation(DOCUMENTS)
    fault = varlen_fault(model.device.type)
    return "varlen" if fault is None else f"sdpa, document by document: no varlen attention, {fault}"


def attend_within_documents(
    module: Any, query: Any, key: Any, value: Any, attention_mask: Any, scaling: float | None = None, dropout: float = 0.0,
    cu_seq_lens_q: Any = None, max_length_q: int | None = None, **kwargs: Any,
) -> tuple[Any, None]:  # fmt: skip
    """Causal attention of each token to its own document.

    Args:
        query: of shape (rows, heads, tokens, head size); key and value alike, possibly with fewer heads.
        attention_mask: must be None: rows are packed, not padded.
        cu_seq_lens_q: where documents begin in the only row, and where the last one ends; int32 of shape (documents + 1,).
            None where every row is one document.
        max_length_q: length of the longest document.

    Returns the mixed values, of shape (rows, tokens, heads, head size), and no weights.
    """
    from torch.nn.functional import scaled_dot_product_attention

    if attention_mask is not None:
        raise RuntimeError(f"{DOCUMENTS} got a batch with padding: a bug of Titlecraft")
    if kwargs.get("sliding_window") or kwargs.get("softcap"):
        raise UserError(f"{type(module).__name__} attends within a window, or caps its scores, which packed rows cannot: use "
                        "--training.packing=false")  # fmt: skip
    grouped = query.shape[1] != key.shape[1]
    if cu_seq_lens_q is None:
        mixed = scaled_dot_product_attention(query, key, value, is_causal=True, scale=scaling, enable_gqa=grouped)
        return mixed.transpose(1, 2), None
    if query.shape[0] != 1:
        raise RuntimeError(f"documents in {query.shape[0]} rows, expected one: a bug of Titlecraft")
    if varlen_fault(query.device.type) is None:
        return attend_varlen(query, key, value, cu_seq_lens_q, max_length_q, scaling), None
    alone = [
        scaled_dot_product_attention(
            query[:, :, start:end], key[:, :, start:end], value[:, :, start:end],
            is_causal=True, scale=scaling, enable_gqa=grouped,
        )
        for start, end in pairwise(cu_seq_lens_q.tolist())
    ]  # fmt: skip
    import torch

    return torch.cat(alone, dim=2).transpose(1, 2), None


def attend_varlen(query: Any, key: Any, value: Any, borders: Any, longest: int, scaling: float | None) -> Any:
    """All documents of one row by torch.nn.attention.varlen; shapes as in `attend_within_documents`."""
    import torch
    from torch.nn.attention.varlen import varlen_attn

    half = query.dtype if query.dtype in (torch.bfloat16, torch.float16) else torch.bfloat16
    tokens_first = [one[0].transpose(0, 1).to(half) for one in (query, key, value)]
    if (times := query.shape[1] // key.shape[1]) > 1 and not varlen_groups():
        tokens_first[1:] = [one.repeat_interleave(times, dim=1) for one in tokens_first[1:]]
    mixed = varlen_attn(*tokens_first, borders, borders, longest, longest, scale=scaling, **varlen_options())
    return mixed.unsqueeze(0).to(query.dtype)


@cache
def varlen_groups() -> bool:
    """Whether this version of torch lets query heads share keys, forward and backward: found by trying it against copies.

    The kernel always could; some versions refuse it, some want to be told.
    """
    import torch
    from torch.nn.attention.varlen import varlen_attn

    drawn = torch.Generator("cuda").manual_seed(0)
    draw = lambda heads: torch.randn(24, heads, 64, device="cuda", dtype=torch.bfloat16, generator=drawn)  # noqa: E731
    query, keys, values = draw(4), draw(2), draw(2)
    borders = torch.tensor([0, 10, 24], device="cuda", dtype=torch.int32)

    def gradient(copies: int) -> Any:
        shared = keys.clone().requires_grad_()
        given = [one.repeat_interleave(copies, dim=1) for one in (shared, values)]
        varlen_attn(query, *given, borders, borders, 14, 14, **varlen_options()).float().square().sum().backward()
        return shared.grad

    try:
        with torch.enable_grad():
            return bool(torch.allclose(gradient(1), gradient(2), rtol=0.05, atol=0.05))
    except (RuntimeError, ValueError):
        return False


@cache
def varlen_options() -> dict[str, Any]:
    """How this version of torch is told that attention is causal, and that heads share keys: the names have changed."""
    from torch.nn.attention.varlen import varlen_attn

    known = inspect.signature(varlen_attn).parameters
    causal = {"window_size": (-1, 0)} if "window_size" in known else {"is_causal": True}
    return causal | ({"enable_gqa": True} if "enable_gqa" in known else {})
