"""The arguments that a model passes to its attention, recorded for each layer from a short row of two documents.

No attention is computed, so this works for a model without weights (on torch's device "meta") as well.
"""

import json
import sys
from typing import Any

ANSWERS: dict[str, list[frozenset[str]] | None] = {}
SPY = "titlecraft_spy"
AHEAD = "looks ahead"
LENGTHS = (3, 2)  # tokens of the two documents


def given_to_attention(module: Any, arguments: dict[str, Any]) -> frozenset[str]:
    """Return the names of the arguments of an attention call, plus AHEAD if tokens may attend to later ones."""
    causal = arguments.get("is_causal")
    ahead = (getattr(module, "is_causal", True) if causal is None else causal) is False
    return frozenset(name for name, value in arguments.items() if value is not None) | ({AHEAD} if ahead else set())


def asked_of_attention(causal: Any) -> list[frozenset[str]] | None:
    """Return the arguments of each attention call, as in `given_to_attention`; None if the model cannot run.

    `causal` must use transformers' attention interface. It is left as it was. Results are cached per config.
    """
    key = identity(causal)
    if key not in ANSWERS:
        if causal.device.type == "meta" and has_liger_kernels(causal):
            return None
        ANSWERS[key] = ask(causal)
    return ANSWERS[key]


def identity(causal: Any) -> str:
    """Return a cache key of class and config, without fields that do not affect attention, such as path and dtype."""
    config = causal.config.to_dict()
    for name in ("dtype", "torch_dtype", "_name_or_path", "quantization_config", "use_cache"):
        config.pop(name, None)
    return f"{type(causal).__name__} {json.dumps(config, sort_keys=True, default=str)}"


def has_liger_kernels(causal: Any) -> bool:
    """Whether Liger has patched the family's module in this process.

    On torch's device "meta" a Triton kernel reads invalid memory, and on a GPU that ends the process.
    """
    functions = vars(sys.modules[type(causal).__module__]).values()
    return any(str(getattr(function, "__module__", "")).startswith("liger_kernel") for function in functions)


def ask(causal: Any) -> list[frozenset[str]] | None:
    """Compute `asked_of_attention` with a forward pass."""
    import torch
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    calls: list[frozenset[str]] = []

    def spy(
        module: Any, query: Any, key: Any, value: Any, attention_mask: Any = None, **arguments: Any
    ) -> tuple[Any, None]:
        calls.append(given_to_attention(module, arguments))
        rows, heads, tokens, _ = query.shape
        return value.new_zeros(rows, tokens, heads, value.shape[-1]), None

    AttentionInterface.register(SPY, spy)
    AttentionMaskInterface.register(SPY, lambda *args, **kwargs: None)
    own, training = causal.config._attn_implementation, causal.training
    causal.eval()
    try:
        causal.set_attn_implementation(SPY)
        with torch.no_grad():
            causal.get_decoder()(**row(causal.device), use_cache=False)
    except (RuntimeError, ValueError, TypeError, AttributeError, IndexError, NotImplementedError):
        return None  # on "meta" some families cannot: experts are chosen by the numbers themselves
    finally:
        causal.set_attn_implementation(own)
        causal.train(training)
    return calls


def row(device: Any) -> dict[str, Any]:
    """Return the arguments of a forward pass over two documents in one row.

    It has a mask and no positions, because transformers would read the values of positions, which "meta" tensors lack.
    """
    import torch

    borders = torch.tensor([0, LENGTHS[0], sum(LENGTHS)], dtype=torch.int32, device=device)
    return {
        "input_ids": torch.zeros(1, sum(LENGTHS), dtype=torch.long, device=device),
        "attention_mask": torch.ones(1, sum(LENGTHS), dtype=torch.long, device=device),
        "cu_seq_lens_q": borders,
        "cu_seq_lens_k": borders,
        "max_length_q": max(LENGTHS),
        "max_length_k": max(LENGTHS),
    }
