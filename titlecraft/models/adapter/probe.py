"""Two states of one model compared by their logits over a fixed sequence: with the adapter, without it, and the bare base."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from peft import PeftModel
from torch import Tensor
from transformers import PreTrainedModel

PROBE = tuple(range(8, 40))  # token ids that every vocabulary has


def probe_logits(model: PreTrainedModel | PeftModel, token_ids: Sequence[int] = PROBE) -> Tensor:
    """Logits over one sequence, float32 [tokens, vocabulary]; the model is put into eval mode."""
    model.eval()
    with torch.no_grad():
        return model(input_ids=torch.tensor([list(token_ids)], device=model.device), use_cache=False).logits[0].float()


@dataclass(frozen=True)
class Probe:
    """What a probe of both arms found.

    `changes`: the logits with the adapter differ from those of the bare base; `restores`: without it they equal those, bit
    for bit; `finite_on`, `finite_off`: no logit with, and without, the adapter is NaN or infinite.
    """

    changes: bool
    restores: bool
    finite_on: bool
    finite_off: bool


def probe_adapter(model: PeftModel, bare: Tensor, token_ids: Sequence[int] = PROBE) -> Probe:
    """Compare a model with its adapter, and with the adapter switched off, to the logits of the bare base over `token_ids`."""
    on = probe_logits(model, token_ids)
    with model.disable_adapter():
        off = probe_logits(model, token_ids)
    return Probe(
        changes=not torch.equal(on, bare),
        restores=torch.equal(off, bare),
        finite_on=bool(torch.isfinite(on).all()),
        finite_off=bool(torch.isfinite(off).all()),
    )
