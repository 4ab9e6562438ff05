"""A run that has gone wrong ends at that very step: a loss, a gradient norm or weights that are no finite numbers.

Nothing comes back from there: from one NaN on, every later step learns nothing and looks like any other. What was trained
until the last checkpoint is kept, and no checkpoint is written after it.
"""

from math import isfinite
from typing import Any

from titlecraft.errors import UserError
from titlecraft.settings import Training
from training.checkpoints.folder import newest
from training.checkpoints.saving import Saving, agreed

MOST_SKIPPED = 25  # in a row: float16's loss scale begins at 65,536 and halves each time, so that it is 0.002 by then


def stop_when_broken(trainer: Any, settings: Training, precision: str) -> Any:
    """A trainer callback that looks at loss, gradient norm and weights after every step, before anything is saved.

    In float16 a step whose gradients overflow is skipped, and the loss scaled less: that is how it is meant. `skipped` counts
    those. Raises UserError, in every process, where a number is not finite, or MOST_SKIPPED steps in a row were skipped.
    """
    from transformers import TrainerCallback

    class StopWhenBroken(TrainerCallback):
        """Adds one exchange with the GPU to a step, and one with the other processes where there are several."""

        def __init__(self) -> None:
            self.norm: Any = None  # of this step's gradients, before they were clipped
            self.skipped = self.in_a_row = 0

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            was_skipped = trainer.accelerator.scaler is not None and trainer.accelerator.optimizer_step_was_skipped
            self.skipped += was_skipped
            self.in_a_row = self.in_a_row + 1 if was_skipped else 0
            fault = self.fault(was_skipped)
            broken = agreed(fault is not None, args.device) if args.world_size > 1 else fault is not None
            if broken:
                raise UserError(stopped(fault or "another process met a number that is not finite", state.global_step, settings, precision,
                                        trainer.saving))  # fmt: skip

        def fault(self, was_skipped: bool) -> str | None:
            """What is not finite, in this process, or None."""
            found = {"loss": trainer._tr_loss, "gradient norm": 0.0 if was_skipped or self.norm is None else self.norm,
                     "largest weight of the adapter": largest_weight(trainer.model)}  # fmt: skip
            for name, value in zip(found, on_the_cpu(list(found.values())), strict=True):
                if not isfinite(value):
                    return f"the {name} is {value}"
            if self.in_a_row >= MOST_SKIPPED:
                return f"the gradients of {self.in_a_row} steps in a row overflowed in float16, so that nothing was learned"
            return None

        def require_learned(self, steps: int) -> None:
            """Raises UserError where none of so many steps, all that there were, changed a weight."""
            if 0 < steps <= self.skipped:
                raise UserError(
                    f"the gradients of all {steps} steps overflowed in float16, so that nothing was learned: set "
                    "--training.precision=bfloat16 or float32; nothing was published"
                )

    return StopWhenBroken()


def largest_weight(model: Any) -> Any:
    """Largest absolute value of the weights that are trained, as a scalar tensor; NaN or infinite where one of them is."""
    import torch

    trained = [one.detach() for one in model.parameters() if one.requires_grad and one.numel()]
    return torch.stack([one.abs().max().float() for one in trained]).max() if trained else torch.tensor(0.0)


def on_the_cpu(values: list[Any]) -> list[float]:
    """Scalars, tensors or not, as numbers, with one wait for the GPU."""
    import torch

    device = next((one.device for one in values if isinstance(one, torch.Tensor)), "cpu")
    return torch.stack(
        [torch.as_tensor(one, dtype=torch.float32, device=device).reshape(()) for one in values]
    ).tolist()


def stopped(fault: str, step: int, settings: Training, precision: str, saving: Saving | None) -> str:
    """The message: which step, what was found, what to change, and what there is to go on from."""
    if step == 1 and not fault.startswith("the largest"):
        change = (f"no weight had been changed yet, so it is the base, or its precision: set another --training.precision than "
                  f"{precision}, or another base.repo")  # fmt: skip
    else:
        lower = f"set a lower --training.learning_rate than {settings.learning_rate:g}"
        change = lower if precision == "float32" else f"{lower}, or --training.precision=float32"
    good = newest(saving.folder) if saving else None
    if good:
        kept = f"the last good checkpoint is of step {good[1].step}, in {good[0]}: --resume goes on from it with the same settings, --fresh begins with others"  # fmt: skip
    else:
        kept = "there is no checkpoint before it (--save-every N keeps some)"
    return f"training stopped at step {step}: {fault}; {change}; {kept}; nothing was published"
