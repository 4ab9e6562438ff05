"""Loss on rows that were not trained on: validations during a training, and the effect of the adapter."""

from typing import Literal

from titlecraft.records.base import Record


def is_ruinous(before: float, after: float) -> bool:
    """Whether a loss (nats per token) got worse by an order of magnitude: ten times what it was."""
    return after >= 10 * before and after > before


class ValidationPoint(Record, frozen=True):
    """One validation: after `step` optimizer steps, `epoch` epochs and `examples` examples.

    `training_loss` is the one logged last until then; null if none was. Both losses are in nats per answer token.
    """

    step: int
    epoch: float
    examples: int
    training_loss: float | None
    validation_loss: float


class Validation(Record, frozen=True):
    """Loss during training on `rows` rows of `split`, drawn with the training's seed: NLL per token of their `tokens` answer tokens.

    The first of `points` is of step 0, before training. `kept` is the step whose weights are published, for `reason`: of the
    steps after 0 it has the lowest loss, or it is the last one. Of `planned_steps` the run stopped early if `stopped_early`.
    """

    split: str
    rows: int
    tokens: int
    points: list[ValidationPoint]
    kept: int
    reason: Literal["lowest validation loss", "last step"]
    planned_steps: int
    stopped_early: bool

    def __post_init__(self) -> None:
        """Raise ValueError, which makes a record unreadable, unless the points begin at step 0 and the kept step is among them."""
        steps = [point.step for point in self.points]
        if steps[:1] != [0] or self.kept not in steps:
            raise ValueError(
                f"validations after the steps {steps}: expected 0 first, and the published step {self.kept}"
            )

    def loss_at(self, step: int) -> float:
        """The validation loss at a step that was validated."""
        return next(point.validation_loss for point in self.points if point.step == step)


class Effect(Record, frozen=True):
    """Loss on rows of a split that was not trained on, drawn with the training's seed: those of the validation, or else a few.

    `changes_logits`: whether it changes the base's logits on an example at all. The NLLs are means over the `tokens` of the
    answers of `rows` rows, in nats, without the adapter and with it; null where it was not measured.
    """

    changes_logits: bool
    split: str | None = None
    rows: int = 0
    tokens: int = 0
    nll_base: float | None = None
    nll_adapter: float | None = None

    def ruins(self) -> bool:
        """Whether the answers are less likely by an order of magnitude with the adapter than without."""
        return (
            self.nll_base is not None and self.nll_adapter is not None and is_ruinous(self.nll_base, self.nll_adapter)
        )
