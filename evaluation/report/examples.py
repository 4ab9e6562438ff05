"""Chooses the titles of a page by rule: the best, the worst, random ones, and as many others as its size allows."""

import random
from dataclasses import dataclass
from typing import Any

from markupsafe import escape

from titlecraft.records import Tested, column

STARTING_VIEW = 8  # titles in each of the three views
SHOWN = ("title", "reference", "before", "after", "grounded")  # texts of a title
MARKUP = 260  # bytes of HTML around the texts of one title


@dataclass(frozen=True)
class Example:
    """One title on the page: its row, the views that show it, and its gain in the primary measure (higher is better).

    The difference is None where the primary measure cannot read the title's texts.
    """

    row: dict[str, Any]
    views: list[str]
    gain: float | None


def gains(record: Tested, rows: list[dict[str, Any]]) -> list[float | None]:
    """Return the gain of each row in the primary measure (higher is better); None if it has no value."""
    primary = record.primary()
    sign = -1 if primary.better == "lower" else 1
    both = [[row[column(primary.name, arm)] for arm in ("before", "after")] for row in rows]
    return [None if None in pair else sign * (pair[1] - pair[0]) for pair in both]


def starting_views(record: Tested, rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Return view -> row indices: random with the recipe's seed, the largest gains, the smallest gains."""
    gain = gains(record, rows)
    measured = [index for index in range(len(rows)) if gain[index] is not None]
    ranked = sorted(measured, key=lambda index: (-(gain[index] or 0.0), rows[index]["uid"], index))
    drawn = random.Random(record.evaluation.seed).sample(range(len(rows)), min(STARTING_VIEW, len(rows)))
    return {"random": drawn, "best": ranked[:STARTING_VIEW], "worst": ranked[::-1][:STARTING_VIEW]}


def choose_examples(record: Tested, rows: list[dict[str, Any]], most_bytes: int) -> list[Example]:
    """Return the rows that fit into `most_bytes` of a page, sorted by gain, rows without a gain last.

    The rows of the views are always included; the others follow in the random order of the sample until one does not fit.
    """
    gain, views = gains(record, rows), starting_views(record, rows)
    chosen = dict.fromkeys(index for indices in views.values() for index in indices)
    used = sum(html_bytes(rows[index]) for index in chosen)
    for index, row in enumerate(rows):
        if index not in chosen:
            used += html_bytes(row)
            if used > most_bytes:
                break
            chosen[index] = None

    def rank(index: int) -> tuple[bool, float, str, int]:
        return gain[index] is None, -(gain[index] or 0.0), rows[index]["uid"], index

    return [
        Example(rows[index], [name for name, indices in views.items() if index in indices], gain[index])
        for index in sorted(chosen, key=rank)
    ]


def html_bytes(row: dict[str, Any]) -> int:
    """Return an upper estimate of the bytes of a title on the page."""
    return MARKUP + sum(len(escape(row[key]).encode()) for key in SHOWN if key in row)
