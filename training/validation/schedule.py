"""When a training validates, and on how many rows: as the recipe says, or so that it takes at most 3 % of the run."""

from dataclasses import dataclass
from math import ceil

from titlecraft.settings import Training
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
