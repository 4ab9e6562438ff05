"""sweep.json: the recipes of a sweep, how each was judged, and which is the best."""

from typing import Any, Literal

import numpy as np

from titlecraft.records import Code, Pin, Record, RowSettings
from titlecraft.settings import Base, Lora, Training


class Judged(Record, frozen=True):
    """A run after `step` steps: the summed NLL of each of the first rows of the sample, in nats, and the run's cost so far.

    `seconds` and `tokens` are those since the step that the run went on from.
    """

    key: str
    step: int
    losses: list[float]
    seconds: float
    tokens: int


class SweptRun(Record, frozen=True):
    """One recipe: `settings` by dotted name, the steps of its whole run, and its judgements, fewest steps first.

    `key` is that of its training. `failed` says why it could not be trained to the end, if it could not.
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
    """Validation NLL of a recipe minus that of the best one at the last rung of both, in nats per token, with its interval."""

    number: int
    rung: int
    difference: float
    low: float
    high: float


class SweepRecord(Record, frozen=True):
    """A finished sweep. `tokens` has the answer tokens of each row of the sample of the validation split, in its order.

    `base`, `lora` and `training` are the settings that all recipes share, where no swept one replaces them. `best` is the number
    of the recipe with the lowest NLL at the last rung.
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
    """NLL in nats per answer token of the first rows of the sample, of which `losses` has the summed NLLs."""
    return round(float(np.sum(losses)) / sum(tokens[: len(losses)]), 6)
