"""The first rows of a dataset as its page shows them: which configurations and splits there are, and one of them open."""

import time
from dataclasses import dataclass
from typing import Any

from local_hub.pages.dataset.first_rows import Table, UnreadableTable, first_rows, row_count
from local_hub.pages.dataset.splits import configs_of
from local_hub.repos.entry import Entry
from local_hub.repos.repository import Repository

ROWS = 20
_MOST_SPLITS_COUNTED = 20
_SECONDS_OF_COUNTING = 5.0


@dataclass(frozen=True)
class Preview:
    """What a visitor can choose from, and what is shown: a table, or why there is none."""

    configs: list[str]
    config: str
    splits: list[tuple[str, int | None]]  # name, rows where that is cheap to tell
    split: str
    table: Table | None
    problem: str


def preview(
    repo: Repository, card: dict[str, Any], files: list[Entry], config_name: str | None, split_name: str | None
) -> Preview | None:
    """The chosen split's first rows; the first split of the first configuration when nothing known is chosen. None for a
    dataset without files that can be read as tables."""
    configs = configs_of(card, files)
    if not configs:
        return None
    config = next((config for config in configs if config.name == config_name), configs[0])
    split = split_name if split_name in config.splits else next(iter(config.splits))
    table, problem = None, ""
    try:
        table = first_rows(repo, config.splits[split], ROWS)
    except UnreadableTable as error:
        problem = str(error)
    counts = []
    stop_at = time.monotonic() + _SECONDS_OF_COUNTING
    for name, entries in config.splits.items():
        cheap = len(counts) < _MOST_SPLITS_COUNTED and time.monotonic() < stop_at
        known = (table.total if table else None) if name == split else row_count(repo, entries) if cheap else None
        counts.append((name, known))
    return Preview([config.name for config in configs], config.name, counts, split, table, problem)
