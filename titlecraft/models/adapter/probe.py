"""Logits over a fixed sequence, to compare a model with its adapter, without it, and the bare base."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

# of the largest logit: sums in another order, over all layers
CLOSE = {
    "float32": 1e-4,
    "bfloat16": 0.05,
    "float16": 0.01,
}
PROBE = tuple(range(8, 40))  # token ids that every vocabulary has


def probe_logits(model: PreTrainedModel | PeftModel, token_ids: Sequence[int] = PROBE) -> Tensor:
    """Return the logits of one sequence, float32 [tokens, vocabulary]. Puts the model into eval mode."""
    model.eval()
    with torch.no_grad():
        return model(input_ids=torch.tensor([list(token_ids)], device=model.device), use_cache=False).logits[0].float()


@dataclass(frozen=True)
class Probe:
    """The result of comparing both arms with the bare base.

    `changes`: the logits with the adapter differ from the bare base's. `restores`: without the adapter they are equal,
    bit for bit. `finite_on`, `finite_off`: all logits with, and without, the adapter are finite.
    """

    changes: bool
    restores: bool
    finite_on: bool
    finite_off: bool


def probe_adapter(model: PeftModel, bare: Tensor, token_ids: Sequence[int] = PROBE) -> Probe:
    """Compare the logits over `token_ids`, with the adapter and without it, to those of the bare base."""
    on = probe_logits(model, token_ids)
    with model.disable_adapter():
        off = probe_logits(model, token_ids)
    return Probe(
        changes=not torch.equal(on, bare),
        restores=torch.equal(off, bare),
        finite_on=bool(torch.isfinite(on).all()),
        finite_off=bool(torch.isfinite(off).all()),
    )
