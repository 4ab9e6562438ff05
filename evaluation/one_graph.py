"""Both arms through one compiled decoding step: for "before", the adapter's weights are zero where they lie.

A compiled step holds either the adapter's products or none of them, so that an adapter that is switched off needs a step of
its own, which takes most of a minute to compile for an 8B model. With both of an adapter's matrices at zero, every layer adds
a plain zero to what the base computes: for any finite numbers, that is the base exactly.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from evaluation.guards import probe_logits
from titlecraft.records import Check


def adapter_weights(model: Any) -> list[Any]:
    """The adapter's weights, both matrices of every layer."""
    return [one for name, one in model.named_parameters() if "lora_" in name]


def is_plain(model: Any) -> bool:
    """Whether the adapter does nothing but add products to linear layers: no DoRA, no trained copies of whole layers."""
    from peft.tuners.lora import Linear
    from peft.tuners.tuners_utils import BaseTunerLayer
    from peft.utils.other import AuxiliaryTrainingWrapper

    layers = [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer)]
    plain = all(type(layer) is Linear and not layer.lora_variant and not layer.merged for layer in layers)
    return plain and not any(isinstance(layer, AuxiliaryTrainingWrapper) for layer in model.modules())


@contextmanager
def adapter_at_zero(model: Any) -> Iterator[None]:
    """The adapter's weights are zero, in their own memory, and come back bit for bit."""
    import torch

    weights = adapter_weights(model)
    kept = [one.detach().clone() for one in weights]
    with torch.no_grad():
        torch._foreach_zero_(weights)
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(weights, kept)


def check_one_graph(model: Any, bare: Any) -> list[Check]:
    """Proof that an adapter at zero gives the base, whose logits alone are `bare`; empty where it does not."""
    import torch

    if not is_plain(model):
        return []
    with adapter_at_zero(model):
        holds = torch.equal(probe_logits(model), bare)
    name = "an adapter whose weights are zero gives the base"
    return [
        Check(name=name, expected="logits equal to the bare base's, bit for bit", found="equal", holds=True)
    ] * holds
