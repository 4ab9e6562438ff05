"""Block-diagonal causal attention: several documents share a row, and tokens attend within their document only.

Registered with transformers as DOCUMENTS. The batch brings the boundaries (`cu_seq_lens_q`, as transformers'
DataCollatorWithFlattening writes them). torch's varlen kernel computes all documents at once on GPUs that support it;
on others and on CPUs each document goes through scaled_dot_product_attention. No mask is built: a mask over 16,384
tokens squared costs more than the attention itself.
"""

import inspect
from functools import cache
from itertools import pairwise
from typing import Any

from titlecraft.errors import UserError
from titlecraft.models.attention.spy import AHEAD, asked_of_attention, given_to_attention

DOCUMENTS = "titlecraft_documents"
LEFT_OUT = {  # what a family's attention may ask for, and attention within documents does not compute
    "softcap": "caps its scores",
    "s_aux": "has sinks",
    "sinks": "has sinks",
    "position_bias": "adds a bias to its scores",
    "alibi": "adds a bias to its scores",
    "head_mask": "masks heads",
    AHEAD: AHEAD,
}


def caps_scores(config: Any) -> bool:
    """Whether a model caps its attention scores (Gemma 2), which transformers' sdpa silently leaves out and eager computes."""
    return bool(getattr(config.get_text_config(), "attn_logit_softcapping", None))


def documents_fault(model: Any, longest: int | None = None) -> str | None:
    """Return why a model cannot use document attention for documents of `longest` tokens, or None if it can.

    Args:
        model: the transformers model; its weights may be on torch's device "meta".
        longest: unset takes documents of any length.
    """
    name, config = type(model).__name__, model.config.get_text_config()
    if not (model._supports_attention_backend and model._can_set_attn_implementation()):
        return f"{name} works with its own attention only"
    chunk = getattr(config, "attention_chunk_size", None)
    if chunk and (longest is None or longest > chunk):
        return f"{name} attends within chunks of {chunk} tokens, which attention within documents does not know"
    calls = asked_of_attention(model)
    if calls is None:  # what the config says of itself
        kinds = getattr(config, "layer_types", None) or ()
        other_kinds = sorted({kind for kind in kinds if "attention" not in kind or kind == "linear_attention"})
        return (
            f"{name} has layers of the kind {', '.join(other_kinds)}, through which a token sees its row"
            if other_kinds
            else None
        )
    if len(calls) < config.num_hidden_layers:
        return f"{name} has layers that see the row by other means than attention"
    if not all("cu_seq_lens_q" in call for call in calls):
        return f"{name} does not tell its attention where a document begins"
    return next((f"{name} {fault}" for call in calls if (fault := left_out(call))), None)


def left_out(arguments: frozenset[str]) -> str | None:
    """Return the argument of a model's attention that document attention would ignore, in words, or None."""
    ignored = [description for name, description in LEFT_OUT.items() if name in arguments]
    return f"{ignored[0]} in its attention, which attention within documents leaves out" if ignored else None


@cache
def varlen_fault(device_type: str) -> str | None:
    """Return why torch's varlen attention cannot run on this kind of device, or None if it can."""
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
    """Switch `model` to document attention; return the implementation for the record."""
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface, flash_attention_mask

    AttentionInterface.register(DOCUMENTS, attend_within_documents)
    AttentionMaskInterface.register(DOCUMENTS, flash_attention_mask)  # none where nothing is padded
    model.set_attn_implementation(DOCUMENTS)
    wide = "it has no more than 16 bits, this is float32" if str(model.dtype) == "torch.float32" else None
    fault = varlen_fault(model.device.type) or wide
    return "varlen" if fault is None else f"sdpa, document by document: no varlen attention, {fault}"


def attend_within_documents(
    module: Any,
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,
    scaling: float | None = None,
    dropout: float = 0.0,
    cu_seq_lens_q: Any = None,
    max_length_q: int | None = None,
    **kwargs: Any,
) -> tuple[Any, None]:
    """Causal attention of each token within its document.

    Args:
        query: of shape (rows, heads, tokens, head size); key and value alike, possibly with fewer heads.
        attention_mask: must be None: rows are packed, not padded.
        dropout: share of the attention weights that is dropped, where the base has that.
        cu_seq_lens_q: where documents begin in the only row, and where the last one ends; int32 of shape (documents + 1,).
            None where every row is one document.
        max_length_q: length of the longest document.

    Returns the mixed values, of shape (rows, tokens, heads, head size), and no weights. Raises UserError for LEFT_OUT.
    """
    if attention_mask is not None:
        raise RuntimeError(f"{DOCUMENTS} got a batch with padding: a bug of Titlecraft")
    if fault := left_out(given_to_attention(module, kwargs)):
        raise UserError(f"{type(module).__name__} {fault}: use --training.packing=false")
    window = kwargs.get("sliding_window")
    if cu_seq_lens_q is None:
        alone = attend_causally(query, key, value, scaling, window, dropout)
        return alone.transpose(1, 2), None
    if query.shape[0] != 1:
        raise RuntimeError(f"documents in {query.shape[0]} rows, expected one: a bug of Titlecraft")
    if varlen_fault(query.device.type) is None and not dropout and not wide(query) and (not window or varlen_windows()):
        return attend_varlen(query, key, value, cu_seq_lens_q, max_length_q or query.shape[2], scaling, window), None
    lengths = [end - start for start, end in pairwise(cu_seq_lens_q.tolist())]
    # split, not slices: the gradient of each slice would be a tensor of the whole row
    documents = zip(*(tensor.split(lengths, dim=2) for tensor in (query, key, value)), strict=True)
    alone = [attend_causally(q, k, v, scaling, window, dropout) for q, k, v in documents]
    import torch

    return torch.cat(alone, dim=2).transpose(1, 2), None


def wide(query: Any) -> bool:
    """Whether the inputs are float32, which the varlen kernel would round to 16 bits."""
    import torch

    return query.dtype == torch.float32 and not torch.is_autocast_enabled(query.device.type)


def attend_causally(query: Any, key: Any, value: Any, scaling: float | None, window: int | None, dropout: float) -> Any:
    """Attend within one document by scaled_dot_product_attention, with a sliding `window`; returns the shape of `query`."""
    import torch
    from torch.nn.functional import scaled_dot_product_attention

    tokens, mask = query.shape[2], None
    if window and window < tokens:
        mask = torch.ones(tokens, tokens, dtype=torch.bool, device=query.device).tril().triu(1 - window)
    return scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        is_causal=mask is None,
        scale=scaling,
        dropout_p=dropout,
        enable_gqa=query.shape[1] != key.shape[1],
    )


def attend_varlen(
    query: Any, key: Any, value: Any, borders: Any, longest: int, scaling: float | None, window: int | None = None
) -> Any:
    """Attend within all documents of a row by torch.nn.attention.varlen; shapes as in `attend_within_documents`."""
    import torch
    from torch.nn.attention.varlen import varlen_attn

    half = query.dtype if query.dtype in (torch.bfloat16, torch.float16) else torch.bfloat16
    tokens_first = [tensor[0].transpose(0, 1).to(half) for tensor in (query, key, value)]
    if (times := query.shape[1] // key.shape[1]) > 1 and not varlen_groups():
        tokens_first[1:] = [tensor.repeat_interleave(times, dim=1) for tensor in tokens_first[1:]]
    queries, keys, values = tokens_first
    mixed: Any = varlen_attn(
        queries, keys, values, borders, borders, longest, longest, scale=scaling, **varlen_options(window)
    )
    return mixed.unsqueeze(0).to(query.dtype)


@cache
def varlen_groups() -> bool:
    """Whether this torch version supports grouped-query varlen attention, forward and backward; tested against copied keys.

    The kernel supports it in all versions; some versions refuse it or need an option.
    """
    import torch
    from torch.nn.attention.varlen import varlen_attn

    drawn = torch.Generator("cuda").manual_seed(0)
    draw = lambda heads: torch.randn(24, heads, 64, device="cuda", dtype=torch.bfloat16, generator=drawn)  # noqa: E731
    query, keys, values = draw(4), draw(2), draw(2)
    borders = torch.tensor([0, 10, 24], device="cuda", dtype=torch.int32)

    def gradient(copies: int) -> Any:
        shared = keys.clone().requires_grad_()
        repeated = [tensor.repeat_interleave(copies, dim=1) for tensor in (shared, values)]
        mixed: Any = varlen_attn(query, repeated[0], repeated[1], borders, borders, 14, 14, **varlen_options())
        mixed.float().square().sum().backward()
        return shared.grad

    try:
        with torch.enable_grad():
            return bool(torch.allclose(gradient(1), gradient(2), rtol=0.05, atol=0.05))
    except (RuntimeError, ValueError):
        return False


@cache
def varlen_windows() -> bool:
    """Whether this torch version supports a sliding window of this size in varlen attention."""
    from torch.nn.attention.varlen import varlen_attn

    return "window_size" in inspect.signature(varlen_attn).parameters


@cache
def varlen_options(window: int | None = None) -> dict[str, Any]:
    """Return the arguments for causal and grouped-query varlen attention; their names differ between torch versions.

    `window`: size of the sliding window, including the token itself; None attends to all earlier tokens.
    """
    from torch.nn.attention.varlen import varlen_attn

    parameters = inspect.signature(varlen_attn).parameters
    causal = {"window_size": (window - 1 if window else -1, 0)} if varlen_windows() else {"is_causal": True}
    return causal | ({"enable_gqa": True} if "enable_gqa" in parameters else {})
