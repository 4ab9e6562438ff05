"""An adapter that is on and adds nothing: on a GPU the arms share one compiled decoding step, which takes most of a minute to
compile. Switching an adapter off makes it another step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from titlecraft.models.adapter.probe import probe_logits

# an update is a product of two factors; one that stays might overflow, and nothing times infinity is no number
FACTORS = "lora_"


@contextmanager
def silenced(model: Any) -> Iterator[None]:
    """The model with both factors of each update at zero, in its place in memory; afterwards as it was, bit for bit."""
    import torch

    factors = [factor for name, factor in model.named_parameters() if FACTORS in name]
    kept = [factor.detach().clone() for factor in factors]
    with torch.no_grad():
        for factor in factors:
            factor.zero_()
        try:
            yield
        finally:
            for factor, was in zip(factors, kept, strict=True):
                factor.copy_(was)


def is_base_when_silenced(model: Any, bare: Any) -> bool:
    """Whether the silenced model gives the bare base's logits over the probe, bit for bit; not so with DoRA, say."""
    import torch

    with silenced(model):
        return torch.equal(probe_logits(model), bare)
