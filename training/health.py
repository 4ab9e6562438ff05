"""Stop a run at the step whose loss, gradient norm or weights are not finite.

A run cannot recover from a NaN in its weights: all later steps learn nothing. Checkpoints saved before the step are kept, and
none is saved after it.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import torch
from torch import Tensor
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from titlecraft.errors import UserError
from titlecraft.settings import Training
from training.checkpoints.folder import newest
from training.checkpoints.saving import Saving
from training.checkpoints.trainer_hooks import any_rank

# steps in a row; the float16 loss scale starts at 65,536 and halves each time, so it is 0.002 by then
MOST_SKIPPED = 25


class StopWhenBroken(TrainerCallback):
    """Checks loss, gradient norm and weights after every step, before anything is saved.

    In float16 a step whose gradients overflow is skipped and the loss scale is lowered, which is normal; `skipped` counts
    these steps. Raises UserError on every rank if a number is not finite, or after MOST_SKIPPED skipped steps in a row.
    Costs one synchronisation with the GPU per step, and one all-reduce with several processes.
    """

    def __init__(self, trainer: Any, settings: Training, precision: str) -> None:
        self.trainer, self.settings, self.precision = trainer, settings, precision
        self.norm: Tensor | float | None = None  # gradient norm of this step before clipping
        self.skipped = self.skipped_in_a_row = 0

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Raise if this step was broken."""
        accelerator = self.trainer.accelerator
        was_skipped = accelerator.scaler is not None and accelerator.optimizer_step_was_skipped
        self.skipped += was_skipped
        self.skipped_in_a_row = self.skipped_in_a_row + 1 if was_skipped else 0
        fault = self.fault(was_skipped)
        broken = any_rank(fault is not None, args.device) if args.world_size > 1 else fault is not None
        if broken:
            fault = fault or "a number on another rank is not finite"
            raise UserError(stopped(fault, state.global_step, self.settings, self.precision, self.trainer.saving))

    def fault(self, was_skipped: bool) -> str | None:
        """Which number of this rank is not finite, or None."""
        values = {
            "loss": self.trainer._tr_loss,
            "gradient norm": 0.0 if was_skipped or self.norm is None else self.norm,
            "largest weight of the adapter": largest_weight(self.trainer.model),
        }
        for name, value in on_the_cpu(values).items():
            if not isfinite(value):
                return f"the {name} is {value}"
        if self.skipped_in_a_row >= MOST_SKIPPED:
            return f"the gradients of {self.skipped_in_a_row} steps in a row overflowed in float16, so that nothing was learned"
        return None

    def require_learned(self, steps: int) -> None:
        """Raises UserError if all `steps` steps of the run were skipped, so that no weight changed."""
        if 0 < steps <= self.skipped:
            raise UserError(
                f"the gradients of all {steps} steps overflowed in float16, so that nothing was learned: set "
                "--training.precision=bfloat16 or float32; nothing was published"
            )


def largest_weight(model: torch.nn.Module) -> Tensor:
    """Largest absolute value of the trainable weights, a scalar tensor; NaN or infinite if one of them is."""
    trainable = [weight.detach() for weight in model.parameters() if weight.requires_grad and weight.numel()]
    if not trainable:
        return torch.tensor(0.0)
    return torch.stack([weight.abs().max().float() for weight in trainable]).max()


def on_the_cpu(values: Mapping[str, Tensor | float]) -> dict[str, float]:
    """The same scalars as Python floats, with a single synchronisation with the GPU."""
    device = next((value.device for value in values.values() if isinstance(value, Tensor)), "cpu")
    scalars = [torch.as_tensor(value, dtype=torch.float32, device=device).reshape(()) for value in values.values()]
    return dict(zip(values, torch.stack(scalars).tolist(), strict=True))


def stopped(fault: str, step: int, settings: Training, precision: str, saving: Saving | None) -> str:
    """The error message: the step, the fault, which setting to change, and the last good checkpoint."""
    if step == 1 and not fault.startswith("the largest"):
        change = (
            "no weight had been changed yet, so it is the base, or its precision: set another --training.precision than "
            f"{precision}, or another base.repo"
        )
    else:
        lower = f"set a lower --training.learning_rate than {settings.learning_rate:g}"
        change = lower if precision == "float32" else f"{lower}, or --training.precision=float32"
    checkpoint_before = newest(saving.folder) if saving else None
    if checkpoint_before:
        path, checkpoint = checkpoint_before
        resume_hint = (
            f"the last good checkpoint is of step {checkpoint.step}, in {path}: --resume continues from it with the same "
            "settings, --fresh starts again with others"
        )
    else:
        resume_hint = "there is no checkpoint before it (--save-every N keeps some)"
    return f"training stopped at step {step}: {fault}; {change}; {resume_hint}; nothing was published"
