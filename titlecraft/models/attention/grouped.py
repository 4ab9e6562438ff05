"""Attention of a decoding step whose query heads share keys, without copies of the keys.

transformers repeats the keys for each query head where a mask is given: for 256 answers of an 8B model that is 100 GB of
copying in each step, most of its time. In a decoding step a row asks with one token, so that the heads of a group can stand
where its tokens would: the same products and the same sums, over the keys as they lie.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from titlecraft.models.attention.document import documents_fault, use_documents_attention, varlen_fault
from titlecraft.models.layers import causal_of

GROUPED = "titlecraft_grouped"


@contextmanager
def attention_of(doing: str, model: Any, on_gpu: bool) -> Iterator[None]:
    """The quickest right attention for "scoring" (within documents, nothing padded) or "generating" (grouped) on a GPU.

    Elsewhere, and afterwards, the model's own; so it is for scoring in float32, for which the kernel that knows documents
    has no more than 16 bits, and where a family's attention does what neither of them does (sinks, capped scores, a bias).
    """
    import torch

    own = model.config._attn_implementation
    rounds = varlen_fault(model.device.type) is None and model.get_output_embeddings().weight.dtype == torch.float32
    fits = documents_fault(causal_of(model)) is None if doing == "scoring" else own == "sdpa" and groups(model)
    if not on_gpu or not fits or (doing == "scoring" and rounds):
        yield
        return
    use_documents_attention(model) if doing == "scoring" else use_grouped_attention(model)
    try:
        yield
    finally:
        model.set_attn_implementation(own)


def groups(model: Any) -> bool:
    """Whether the model takes its attention from transformers' attention interface."""
    causal = causal_of(model)
    return bool(causal._supports_attention_backend and causal._can_set_attn_implementation())


def use_grouped_attention(model: Any) -> None:
    """Let the model decode so; everything but a decoding step goes through transformers' own sdpa."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

    AttentionInterface.register(GROUPED, attend_grouped)
    AttentionMaskInterface.register(GROUPED, sdpa_mask)
    model.set_attn_implementation(GROUPED)


def attend_grouped(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Any, None]:
    """Mixed values of shape (rows, tokens, heads, head size); query of shape (rows, heads, tokens, head size)."""
    from torch.nn.functional import scaled_dot_product_attention
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    rows, heads, tokens, size = query.shape
    groups = key.shape[1]
    biased = kwargs.get("position_bias") is not None
    if tokens != 1 or groups == heads or attention_mask is None or biased:
        return sdpa_attention_forward(module, query, key, value, attention_mask, dropout, scaling, **kwargs)
    together = query.reshape(rows, groups, heads // groups, size)
    mask = attention_mask.expand(rows, 1, heads // groups, key.shape[2])
    mixed = scaled_dot_product_attention(together, key, value, attn_mask=mask, scale=scaling)
    return mixed.reshape(rows, 1, heads, size), None
