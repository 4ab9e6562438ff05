"""An adapter with its weights temporarily zeroed, in place of one that is switched off.

Switching an adapter off makes another decoding step, and compiling a step takes most of a minute on a GPU. With zeroed weights both
arms share one compiled step.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from titlecraft.models.adapter.probe import probe_logits

# Both factors of the product: a factor that stays might overflow, and 0 times infinity is NaN.
FACTORS = "lora_"


@contextmanager
def zeroed_adapter(model: Any) -> Iterator[None]:
    """Zero both factors of each LoRA update in place for the block, then restore them bit for bit."""
    import torch

    factors = [factor for name, factor in model.named_parameters() if FACTORS in name]
    copies = [factor.detach().clone() for factor in factors]
    with torch.no_grad():
        for factor in factors:
            factor.zero_()
        try:
            yield
        finally:
            for factor, copy in zip(factors, copies, strict=True):
                factor.copy_(copy)


def is_base_when_zeroed(model: Any, bare: Any) -> bool:
    """Whether the model with a zeroed adapter gives the bare base's probe logits bit for bit; False with DoRA, for example."""
    import torch

    with zeroed_adapter(model):
        return torch.equal(probe_logits(model), bare)
