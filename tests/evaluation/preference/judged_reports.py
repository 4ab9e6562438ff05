"""Reports whose answers say of themselves how good they are, for a judge or a voter by a rule."""

from typing import Any

import msgspec

from evaluation.side_by_side.comparison import Published
from tests.evaluation.report.literal_report import predictions, record_of
from titlecraft.records import Pin


def rows_with(before: list[str], after: list[str]) -> list[dict[str, Any]]:
    """Rows of a report with these answers, at most 40."""
    rows = predictions()[: len(after)]
    for row, old, new in zip(rows, before, after, strict=True):
        row |= {"before": old, "after": new}
    return rows


def report_with(rows: list[dict[str, Any]], name: str = "a") -> Published:
    """A published report of these rows."""
    pin = Pin(type="model", repo=f"titlecraft/{name}", revision="c" * 40)
    return Published(pin, msgspec.structs.replace(record_of(predictions()), adapter=pin, n=len(rows)), rows)


def mixed_rows() -> list[dict[str, Any]]:
    """40 rows: "after" is the good text for 30 and the bad one for 10, and the longer one for every second title of both."""
    good = [n % 4 != 3 for n in range(40)]
    long = [n // 4 % 2 == 0 for n in range(40)]
    after = [f"{'good' if is_good else 'poor'} {n}{' word' * 9 * is_long}" for n, (is_good, is_long) in enumerate(zip(good, long, strict=True))]  # fmt: skip
    before = [f"{'poor' if is_good else 'good'} {n} word word" for n, is_good in enumerate(good)]
    return rows_with(before, after)


def better(title: str, first: str, second: str) -> str:
    """A fair judge: prefers the text that says it is good."""
    return "Because. [[1]]" if first.startswith("good") else "Because. [[2]]"


def first_text(title: str, first: str, second: str) -> str:
    """A judge that prefers what it reads first."""
    return "[[1]]"


def longer(title: str, first: str, second: str) -> str:
    """A judge that prefers the longer text."""
    return "[[1]]" if len(first) > len(second) else "[[2]]"
