"""Which titles a page shows: best, worst and random ones by rule, and as many of all as its size allows."""

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
    """One title on the page: its row, the views that show it, and its difference in the primary measure, up is better.

    The difference is None where the primary measure cannot read the title's texts.
    """

    row: dict[str, Any]
    views: list[str]
    gain: float | None


def gains(record: Tested, rows: list[dict[str, Any]]) -> list[float | None]:
    """Difference of each row in the primary measure, turned so that a larger one is better; None where it has no value."""
    primary = record.primary()
    towards = -1 if primary.better == "lower" else 1
    both = [[row[column(primary.name, arm)] for arm in ("before", "after")] for row in rows]
    return [None if None in pair else towards * (pair[1] - pair[0]) for pair in both]


def starting_views(record: Tested, rows: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Places of the rows in each view: drawn by the recipe's seed, the largest gains, the smallest. Never by hand."""
    gain = gains(record, rows)
    read = [place for place in range(len(rows)) if gain[place] is not None]
    ranked = sorted(read, key=lambda place: (-(gain[place] or 0.0), rows[place]["uid"], place))
    drawn = random.Random(record.evaluation.seed).sample(range(len(rows)), min(STARTING_VIEW, len(rows)))
    return {"random": drawn, "best": ranked[:STARTING_VIEW], "worst": ranked[::-1][:STARTING_VIEW]}


def choose_examples(record: Tested, rows: list[dict[str, Any]], room: int) -> list[Example]:
    """The rows that a page of `room` bytes for them holds, the largest gain first, those without one at the end.

    Those of the views are always in it; then come the others in the order of the sample, which is a random one, until the
    next does not fit.
    """
    gain, views = gains(record, rows), starting_views(record, rows)
    chosen = dict.fromkeys(place for places in views.values() for place in places)
    used = sum(html_bytes(rows[place]) for place in chosen)
    for place, row in enumerate(rows):
        if place not in chosen:
            used += html_bytes(row)
            if used > room:
                break
            chosen[place] = None
    first = lambda place: (gain[place] is None, -(gain[place] or 0.0), rows[place]["uid"], place)  # noqa: E731
    ordered = sorted(chosen, key=first)
    return [
        Example(rows[place], [name for name, places in views.items() if place in places], gain[place])
        for place in ordered
    ]


def html_bytes(row: dict[str, Any]) -> int:
    """Bytes that a title takes on the page, rather more than less."""
    return MARKUP + sum(len(escape(row[key]).encode()) for key in SHOWN if key in row)
