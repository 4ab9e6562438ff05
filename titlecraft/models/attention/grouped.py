"""Grouped-query attention of a decoding step without copies of the keys.

With a mask, transformers repeats the keys for each query head: for 256 answers of an 8B model that copies 100 GB per
step, most of its time. A decoding step has one query token per row, so the heads of a group can take the place of
tokens: the same products and sums without copies.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from titlecraft.models.attention.document import documents_fault, use_documents_attention, varlen_fault
from titlecraft.models.layers import causal_of

GROUPED = "titlecraft_grouped"


@contextmanager
def attention_of(activity: str, model: Any, on_gpu: bool) -> Iterator[None]:
    """Use the fastest exact attention on a GPU: document attention for "scoring", grouped attention for "generating".

    The model's own attention stays in place elsewhere, and is restored afterwards. It also stays for scoring in
    float32, which the varlen kernel does not support, and for families with sinks, capped scores or a bias.
    """
    import torch

    own = model.config._attn_implementation
    rounds = varlen_fault(model.device.type) is None and model.get_output_embeddings().weight.dtype == torch.float32
    fits = documents_fault(causal_of(model)) is None if activity == "scoring" else own == "sdpa" and groups(model)
    if not on_gpu or not fits or (activity == "scoring" and rounds):
        yield
        return
    use_documents_attention(model) if activity == "scoring" else use_grouped_attention(model)
    try:
        yield
    finally:
        model.set_attn_implementation(own)


def groups(model: Any) -> bool:
    """Whether the model uses transformers' attention interface."""
    causal = causal_of(model)
    return bool(causal._supports_attention_backend and causal._can_set_attn_implementation())


def use_grouped_attention(model: Any) -> None:
    """Switch the model to grouped attention for decoding steps; other forward passes use transformers' sdpa."""
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
    """Return attention outputs (rows, tokens, heads, head size) for a query (rows, heads, tokens, head size)."""
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
