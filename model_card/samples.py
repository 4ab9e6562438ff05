"""Titles on the card, side by side: drawn by the recipe's seed, and the worst. Never chosen by hand, and harmless as text."""

import re
from html import escape
from typing import Any

from evaluation.report.examples import starting_views
from titlecraft.records import EvaluationRecord, column

SHOWN = 3  # titles of each view
MOST = 400  # characters of a text
UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
MARKDOWN = {ord(sign): f"&#{ord(sign)};" for sign in "\\`*_[]|~$@"}


def choose_samples(report: EvaluationRecord, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Random and worst titles with their texts as HTML, and the value of the primary measure in each arm."""
    views = {view: places[:SHOWN] for view, places in starting_views(report, rows).items() if view != "best"}
    shown = {
        view: [one_sample(rows[place], report.primary().name) for place in places] for view, places in views.items()
    }
    return shown | {f"{view}_count": len(places) for view, places in views.items()}


def one_sample(row: dict[str, Any], primary: str) -> dict[str, Any]:
    """A row of the predictions as the card shows it."""
    texts = {name: harmless(row[name]) for name in ("title", "before", "after", "reference")}
    values = {arm: row[column(primary, arm)] for arm in ("before", "after")}
    return texts | {f"value_{arm}": "not measured" if value is None else value for arm, value in values.items()}


def harmless(text: str) -> str:
    """The text as one line of HTML that is nothing but text: no tag, no Markdown, no mathematics, no invisible sign."""
    whole = UNSEEN.sub("\ufffd", text.strip().replace("\r\n", "\n"))
    shown = whole if len(whole) <= MOST else whole[:MOST].rstrip()
    safe = escape(shown).translate(MARKDOWN).replace("\n", "<br>") or "<i>(empty)</i>"
    return safe if shown == whole else f"{safe} <i>[… cut here: {MOST:,} of {len(whole):,} characters]</i>"


def widgets(rows: list[dict[str, Any]], report: EvaluationRecord) -> list[dict[str, Any]]:
    """Examples for the Hub's widget: the real prompts of the random titles, with what the adapter answered."""
    places = starting_views(report, rows)["random"][:SHOWN]
    answers = [{"output": {"text": rows[place]["after"]}} if rows[place]["after"] else {} for place in places]
    return [
        {"example_title": rows[place]["title"], "text": rows[place]["prompt"]} | answer
        for place, answer in zip(places, answers, strict=True)
    ]
