"""What a model asks of its attention, found by letting it ask: each layer's arguments for a short row of two documents.

Nothing is attended to, so that a model without weights (on torch's device "meta") can be asked as well as a loaded one.
"""

import json
import sys
from typing import Any

ANSWERS: dict[str, list[frozenset[str]] | None] = {}
SPY = "titlecraft_spy"
AHEAD = "looks ahead"
LENGTHS = (3, 2)  # tokens of the two documents


def given_to_attention(module: Any, arguments: dict[str, Any]) -> frozenset[str]:
    """Names of the arguments that a module gives to its attention, and AHEAD where a token may see what comes after it."""
    causal = arguments.get("is_causal")
    ahead = (getattr(module, "is_causal", True) if causal is None else causal) is False
    return frozenset(name for name, value in arguments.items() if value is not None) | ({AHEAD} if ahead else set())


def asked_of_attention(causal: Any) -> list[frozenset[str]] | None:
    """What each call of attention was given, as `given_to_attention` says it, in order; None where such a model cannot be run.

    `causal` must take its attention from transformers' attention interface. It is left as it was. A family with the same
    config is asked once in a process.
    """
    key = identity(causal)
    if key not in ANSWERS:
        if causal.device.type == "meta" and has_liger_kernels(causal):
            return None
        ANSWERS[key] = ask(causal)
    return ANSWERS[key]


def identity(causal: Any) -> str:
    """The class and the config of a model, without what changes nothing about its attention: where it lies, and its types."""
    config = causal.config.to_dict()
    for name in ("dtype", "torch_dtype", "_name_or_path", "quantization_config", "use_cache"):
        config.pop(name, None)
    return f"{type(causal).__name__} {json.dumps(config, sort_keys=True, default=str)}"


def has_liger_kernels(causal: Any) -> bool:
    """Whether Liger has put its kernels into the family's module, for every model of this process: on torch's device "meta" a
    Triton kernel reads memory that is not there, and on a GPU that ends the process."""
    functions = vars(sys.modules[type(causal).__module__]).values()
    return any(str(getattr(function, "__module__", "")).startswith("liger_kernel") for function in functions)


def ask(causal: Any) -> list[frozenset[str]] | None:
    """What `asked_of_attention` says, from a forward pass."""
    import torch
    from transformers import AttentionInterface
    from transformers.masking_utils import AttentionMaskInterface

    calls: list[frozenset[str]] = []

    def spy(
        module: Any, query: Any, key: Any, value: Any, attention_mask: Any = None, **given: Any
    ) -> tuple[Any, None]:
        calls.append(given_to_attention(module, given))
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
    """Arguments of a forward pass over two documents in one row.

    With a mask, and without positions: transformers would look at the numbers of positions, and on "meta" there are none.
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
