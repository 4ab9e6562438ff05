"""The record of a sweep, sweep.json: its recipes, their validation losses, and the best one."""

from typing import Any, Literal

import numpy as np

from titlecraft.records import Code, Pin, Record, RowSettings
from titlecraft.settings import Base, Lora, Training


class Judged(Record, frozen=True):
    """Validation of a run after `step` steps: `losses` has the summed NLL of each scored row, in nats.

    The scored rows are the first `len(losses)` rows of the sample. `seconds` and `tokens` count from the checkpoint that the run
    resumed from.
    """

    key: str
    step: int
    losses: list[float]
    seconds: float
    tokens: int


class SweptRun(Record, frozen=True):
    """One recipe: `settings` by dotted name, the steps of a full run, and its validations in order of steps.

    `key` is the key of its training. `failed` is the error of a run that failed, else None.
    """

    number: int
    key: str
    settings: dict[str, Any]
    steps: int
    judged: list[Judged]
    failed: str | None = None


class PlannedRung(Record, frozen=True):
    """`runs` recipes were trained until `share` of their steps and judged on the first `rows` rows of the sample."""

    share: float
    runs: int
    rows: int


class Difference(Record, frozen=True):
    """Validation NLL of a recipe minus that of the best one, in nats per token, with its interval.

    Both are measured at `rung`, the last one that this recipe reached.
    """

    number: int
    rung: int
    difference: float
    low: float
    high: float


class SweepRecord(Record, frozen=True):
    """A finished sweep. `tokens` has the number of answer tokens of each row of the validation sample.

    `base_settings`, `lora` and `training` hold for all recipes, except for the swept settings. `best` is the number of the recipe
    with the lowest NLL at the last rung.
    """

    key: str
    code: Code
    dataset: Pin
    base: Pin
    base_settings: Base
    lora: Lora
    training: Training
    prompt_format: str
    swept: dict[str, list[Any]]
    rungs: list[PlannedRung]
    tokens: list[int]
    base_losses: list[float]
    runs: list[SweptRun]
    best: int
    differences: list[Difference]
    confidence: float
    device: str
    rows: RowSettings | None = None
    method: Literal["successive halving"] = "successive halving"
    judged_on: Literal["validation NLL"] = "validation NLL"
    schema: Literal["titlecraft/sweep/1"] = "titlecraft/sweep/1"

    def run(self, number: int) -> SweptRun:
        """The recipe with this number."""
        return self.runs[number - 1]


def nll(losses: list[float], tokens: list[int]) -> float:
    """NLL in nats per answer token.

    Args:
        losses: summed NLL of each of the first rows of the sample.
        tokens: answer tokens of each row of the sample.
    """
    return round(float(np.sum(losses)) / sum(tokens[: len(losses)]), 6)
