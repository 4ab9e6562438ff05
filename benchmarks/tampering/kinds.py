"""The kinds of random changes, each with the lowest level of `titlecraft verify` that can detect it, and what no level can know.

A plain change leaves the other files unchanged. After a covered change an attacker recomputes SHA256SUMS, the sizes and checksums in
the records and their keys, and renders card, page and plots with our own code: only recomputing the values can detect it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from benchmarks.tampering.random_changes import (
    another_report,
    any_record_number,
    card_digit,
    cut_file,
    file_byte,
    other_code,
    record_number,
    record_pin,
    removed_file,
    swapped_files,
)
from benchmarks.tampering.table_changes import DATA, PREDICTIONS, answer, cell, identity, likelihood, row
from model_card.verification.lines.line import Level


@dataclass(frozen=True)
class Tampering:
    """One kind of change: its name, its repo, the lowest level that can detect it, and the function that changes a folder.

    `metrics` says that the attacker also recomputes every value and every number of the report from the changed answers.
    """

    name: str
    repo: str
    level: Level
    covered: bool
    change: Callable[[Path, Random], str | None]
    metrics: bool = False


CANNOT_KNOW: dict[Level, tuple[str, ...]] = {
    "card": (
        "a report whose values, measures, keys, sums and renderings follow from changed predictions",
        "answers and likelihoods that no model gave",
        "how the adapter was trained: its weights and log",
        "times, memory and energy",
    ),
    "scores": (
        "answers and likelihoods that no model gave, with all values and measures recomputed",
        "how the adapter was trained: its weights and log",
        "times, memory and energy",
    ),
    "predictions": ("how the adapter was trained: its weights and log", "times, memory and energy"),
    "training": (
        "answers and likelihoods that no model gave, with all values and measures recomputed",
        "times, memory and energy",
    ),
    "data": ("whether the source is what its name says",),
}
"""Level -> what an attacker may change without being caught at this level; results/verify.json has the list, too."""

KINDS = [
    *(Tampering(f"{change.__name__} of the {repo}", repo, "card", False, change) for repo in ("adapter", "dataset")
      for change in (card_digit, file_byte, removed_file, swapped_files, cut_file, any_record_number)),
    Tampering("record_pin of the adapter", "adapter", "card", False, record_pin),
    Tampering("another_report of the adapter", "adapter", "card", False, another_report),
    Tampering("prediction_cell", "adapter", "card", False, partial(cell, pattern=PREDICTIONS)),
    Tampering("data_cell", "dataset", "card", False, partial(cell, pattern=DATA)),
    Tampering("record_pin, covered up", "adapter", "card", True, record_pin),
    Tampering("training_number, covered up", "adapter", "card", True, partial(record_number, kind="training", derivable=True)),
    Tampering("report_number, covered up", "adapter", "scores", True, partial(record_number, kind="report", derivable=True)),
    Tampering("prediction_cell, covered up", "adapter", "scores", True, partial(cell, pattern=PREDICTIONS)),
    Tampering("prediction_row, covered up", "adapter", "scores", True, partial(row, pattern=PREDICTIONS)),
    Tampering("headline of other code, covered up", "adapter", "card", True, other_code),
    Tampering("identity of a title, metrics recomputed", "adapter", "scores", True, identity, True),
    Tampering("answer, metrics recomputed", "adapter", "predictions", True, answer, True),
    Tampering("likelihood, metrics recomputed", "adapter", "predictions", True, likelihood, True),
    Tampering("dataset_number, covered up", "dataset", "data", True, partial(record_number, kind="dataset", derivable=True)),
    Tampering("data_cell, covered up", "dataset", "data", True, partial(cell, pattern=DATA)),
    Tampering("data_row, covered up", "dataset", "data", True, partial(row, pattern=DATA)),
]  # fmt: skip
