"""When a training validates, and on how many rows: as the recipe says, or so that it takes at most 3 % of the run."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from math import ceil

from titlecraft.errors import UserError
from titlecraft.records import Pin, Record
from titlecraft.settings import Training
from training.data.validation_rows import MOST_WITHOUT, SPLIT
from training.steps import Steps, steps_of_epoch

TIMES = 10  # validations after the first step, by default
MOST_OF_A_RUN = 0.03  # of the computation of a run, by default
FEWEST = 32  # rows, by default, before a run validates less often instead


@dataclass(frozen=True)
class Schedule:
    """Validation before the first step, after every `every` of `steps` steps and after the last one.

    Args:
        every: 0 if the run does not validate.
        rows: rows of each validation.
        cost: share of the run's computation.
    """

    every: int
    rows: int
    steps: int
    cost: float

    def is_due(self, step: int) -> bool:
        """Whether to validate after this step; step 0 is before the first one."""
        return self.every > 0 and (step % self.every == 0 or step == self.steps)

    @property
    def times(self) -> int:
        """Number of validations, the one before the first step included."""
        return 1 + ceil(self.steps / self.every) if self.every else 0

    def describe(self) -> str:
        """The schedule in words."""
        steps = "step" if self.every == 1 else f"{self.every:,} steps"
        return (
            f"{self.rows:,} rows before the first step and after every {steps}, {self.times:,} times, "
            f"about {100 * self.cost:.2g} % of the run"
        )


class ValidationPlan(Record, frozen=True):
    """Validation in the run: on `rows` rows, `times` times, after every `every` steps; `cost` is its share of the computation."""

    rows: int
    times: int
    every: int
    cost: float


def is_off(training: Training) -> bool:
    """Whether the recipe turns validation off."""
    return training.validate_every == 0 or training.validation_rows == 0


def forward_passes(training: Training) -> int:
    """Cost of training on an example in forward passes: frozen weights have no gradient, so a backward pass costs one."""
    return 3 if training.gradient_checkpointing else 2


def schedule(training: Training, items: int, examples: int, steps: Steps, available: int) -> Schedule:
    """The schedule of a run.

    Args:
        training: the settings; batch_size counts the items of all devices.
        items: packed rows or examples of the training split.
        examples: examples of the training split.
        steps: steps of the run, and the items that they see.
        available: rows of the validation split.
    """
    rows = min(training.validation_rows, available)
    if is_off(training) or not rows:
        return Schedule(0, 0, steps.count, 0.0)
    run = forward_passes(training) * steps.items_seen * examples / items
    if training.validate_every is None:
        every, rows = within_budget(rows, steps.count, int(MOST_OF_A_RUN * run))
    elif training.validate_every < 1:
        every = max(1, round(training.validate_every * steps_of_epoch(items, training)))
    else:
        every = int(training.validate_every)
    every = min(every, steps.count)
    planned = Schedule(every, rows, steps.count, 0.0)
    return Schedule(every, rows, steps.count, round(planned.times * rows / run, 4))


def within_budget(rows: int, steps: int, budget: int) -> tuple[int, int]:
    """Steps between validations and rows of each, within a budget of forward passes.

    Ten times a run on fewer rows if need be; with less than FEWEST rows each, less often instead, but always before the first
    step and after the last one.
    """
    times = min(TIMES, steps)
    if rows * (times + 1) > budget:
        rows = min(rows, max(FEWEST, budget // (times + 1)))
        times = max(1, min(times, budget // rows - 1))
    return ceil(steps / times), rows


def rows_to_draw(training: Training) -> int:
    """Maximum number of rows that a run may need; without validation, as many as show the effect of the adapter."""
    return MOST_WITHOUT if is_off(training) else training.validation_rows


def without_rows(training: Training, data: Pin, rows: int, given: Collection[str]) -> str | None:
    """The note that there is no validation without rows, or None. Raises UserError if training.patience needs them."""
    if rows or is_off(training):
        return None
    why = f"{data} has no row in a {SPLIT} split that base.max_length has room for"
    if training.patience is not None:
        raise UserError(
            f"training.patience {training.patience} needs validation, and {why}: build the dataset with a larger "
            "--data.validation_share, or set --training.patience=null"
        )
    kept = ", so that training.keep best is not used" if "training.keep" in given and training.keep == "best" else ""
    return f"no validation: {why}{kept}; the last step is published"


def planned(validations: Schedule) -> ValidationPlan:
    """The schedule as the plan's record has it."""
    return ValidationPlan(
        rows=validations.rows, times=validations.times, every=validations.every, cost=validations.cost
    )


def notes_of(training: Training, data: Pin, available: int) -> list[str]:
    """A note if the run validates nothing for want of rows; without a limit of patience, which would be a problem."""
    note = without_rows(replace(training, patience=None), data, available, ())
    return [note] if note else []
