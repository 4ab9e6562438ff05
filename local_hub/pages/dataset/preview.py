"""The preview of a dataset: its configurations and splits, and the first rows of the chosen split."""

import time
from dataclasses import dataclass
from typing import Any

from local_hub.pages.dataset.first_rows import Table, UnreadableTable, first_rows, row_count
from local_hub.pages.dataset.splits import configs_of
from local_hub.repos.entry import Entry
from local_hub.repos.repository import Repository

ROWS = 20
_MAX_SPLITS_COUNTED = 20
_SECONDS_OF_COUNTING = 5.0


@dataclass(frozen=True)
class Preview:
    """The configurations and splits to choose from, and the table of the chosen split, or the problem with it."""

    configs: list[str]
    config: str
    splits: list[tuple[str, int | None]]  # name, number of rows if it is cheap to count
    split: str
    table: Table | None
    problem: str


def preview(
    repo: Repository, card: dict[str, Any], files: list[Entry], config_name: str | None, split_name: str | None
) -> Preview | None:
    """The preview of the chosen split, by default the first split of the first configuration.

    None for a dataset without files that can be read as tables.
    """
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
        cheap = len(counts) < _MAX_SPLITS_COUNTED and time.monotonic() < stop_at
        rows = (table.total if table else None) if name == split else row_count(repo, entries) if cheap else None
        counts.append((name, rows))
    return Preview([config.name for config in configs], config.name, counts, split, table, problem)
