"""The sample titles on the card: random ones, drawn with the recipe's seed, and the worst by the primary measure."""

import re
from html import escape
from typing import Any

from evaluation.report.examples import starting_views
from titlecraft.records import EvaluationRecord, column

SHOWN = 3  # titles in each group
MOST = 400  # characters of a text
INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
MARKDOWN = {ord(char): f"&#{ord(char)};" for char in "\\`*_[]|~$@"}


def choose_samples(report: EvaluationRecord, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The random and the worst titles, with their texts as HTML and the primary measure before and after."""
    views = {view: indices[:SHOWN] for view, indices in starting_views(report, rows).items() if view != "best"}
    primary = report.primary().name
    samples = {view: [one_sample(rows[index], primary) for index in indices] for view, indices in views.items()}
    return samples | {f"{view}_count": len(indices) for view, indices in views.items()}


def one_sample(row: dict[str, Any], primary: str) -> dict[str, Any]:
    """The texts and values of a row of predictions, as the card shows them."""
    texts = {name: escape_text(row[name]) for name in ("title", "before", "after", "reference")}
    values = {arm: row[column(primary, arm)] for arm in ("before", "after")}
    return texts | {f"value_{arm}": "not measured" if value is None else value for arm, value in values.items()}


def escape_text(text: str) -> str:
    """The text as one line of HTML, truncated to MOST characters; HTML, Markdown and math are escaped."""
    full = INVISIBLE.sub("\ufffd", text.strip().replace("\r\n", "\n"))
    shown = full if len(full) <= MOST else full[:MOST].rstrip()
    safe = escape(shown).translate(MARKDOWN).replace("\n", "<br>") or "<i>(empty)</i>"
    return safe if shown == full else f"{safe} <i>[… truncated: {MOST:,} of {len(full):,} characters]</i>"


def widgets(rows: list[dict[str, Any]], report: EvaluationRecord) -> list[dict[str, Any]]:
    """Examples for the Hub's widget: the prompts of the random titles, with the adapter's answers."""
    samples = [rows[index] for index in starting_views(report, rows)["random"][:SHOWN]]
    answers = [{"output": {"text": row["after"]}} if row["after"] else {} for row in samples]
    return [
        {"example_title": row["title"], "text": row["prompt"]} | answer
        for row, answer in zip(samples, answers, strict=True)
    ]
