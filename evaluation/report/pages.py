"""Renders the HTML page of a report or a comparison: one self-contained file with plots, texts and script."""

from base64 import b64encode
from collections.abc import Callable
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from evaluation.report import repetition, wording
from evaluation.report.distributions import lengths, scores
from evaluation.report.examples import choose_examples
from evaluation.report.numbers import number
from evaluation.report.plots import by_title, forest
from titlecraft.hub import PUBLIC_HUB
from titlecraft.hub.pins import address, endpoint
from titlecraft.records import EvaluationRecord, Pin, Tested

PLOTS: dict[str, Callable[[Tested, list[dict[str, Any]]], dict[str, bytes]]] = {
    "forest": forest,
    "by_title": by_title,
    "scores": scores,
    "lengths": lengths,
}
MOST_BYTES = 3_000_000  # of a page
FRAME = 60_000  # maximum bytes of a page without plots and titles
REASONS = {
    "title_in_train": "their title is in the training split",
    "output_in_train": "their description is in the training split",
    "near_output_in_train": "their description has a near-duplicate in the training split (Jaccard similarity of word 5-grams at least 0.8)",
    "repeated_title": "their title occurs more than once in the split",
    "answer_in_prompt": "their prompt contains their description",
    "no_room_for_answer": "their prompt leaves no space for an answer",
}


def draw_plots(record: Tested, rows: list[dict[str, Any]]) -> dict[str, dict[str, bytes]]:
    """Draw all plots; return name -> theme -> PNG."""
    return {name: draw(record, rows) for name, draw in PLOTS.items()}


def data_uri(png: bytes) -> str:
    """Return a PNG as a data URI."""
    return "data:image/png;base64," + b64encode(png).decode()


def hub_in_links() -> str:
    """Return the prefix of links on a published page: the public Hub's address; empty for any other Hub.

    A private Hub may change its port or name, so links to it are relative.
    """
    return PUBLIC_HUB if endpoint() == PUBLIC_HUB else ""


def address_in(record: Tested) -> Callable[[Pin], str]:
    """Return the function that gives the link to a repo. A comparison is not published, so its links have the Hub's address."""
    if not isinstance(record, EvaluationRecord):
        return address
    return lambda pin: hub_in_links() + address(pin).removeprefix(endpoint())


@cache  # with its compiled templates
def page_environment() -> Environment:
    """Return the jinja2 environment of all pages, with their filters."""
    environment = Environment(
        loader=PackageLoader("evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data_uri": data_uri, "number": number}
    return environment


def render_page(template: str, record: Tested, rows: list[dict[str, Any]], plots: dict[str, dict[str, bytes]]) -> str:
    """Render a page without external resources; it is readable without its script, which searches and sorts.

    The same record and rows give the same page. It stays below MOST_BYTES by embedding fewer titles, and states their number.
    """
    plot_bytes = sum(len(data_uri(png)) for themes in plots.values() for png in themes.values())
    return (
        page_environment()
        .get_template(template)
        .render(
            record=record,
            wording=wording,
            repetition=repetition,
            plots=plots,
            address=address_in(record),
            reasons=REASONS,
            most_bytes=MOST_BYTES,
            examples=choose_examples(record, rows, MOST_BYTES - FRAME - plot_bytes),
        )
    )
