"""The HTML pages of a report and of a comparison: one self-contained file each, with its plots, texts and script inside."""

from base64 import b64encode
from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from evaluation.report import wording
from evaluation.report.distributions import lengths, scores
from evaluation.report.examples import choose_examples
from evaluation.report.plots import by_title, forest
from titlecraft.hub import PUBLIC_HUB
from titlecraft.hub.pins import address, endpoint
from titlecraft.records import EvaluationRecord, Pin, Tested

PLOTS: dict[str, Callable[[Tested, list[dict[str, Any]], str], bytes]] = {
    "forest": forest,
    "by_title": by_title,
    "scores": scores,
    "lengths": lengths,
}
MOST_BYTES = 3_000_000  # of a page
FRAME = 60_000  # bytes of a page besides plots and titles, at most
REASONS = {
    "title_in_train": "their title stands in the training split",
    "output_in_train": "their description stands in the training split",
    "near_output_in_train": "their description is nearly one of the training split (Jaccard similarity of their word 5-grams at least 0.8)",
    "repeated_title": "the split holds their title more than once",
    "answer_in_prompt": "their description stands in their own prompt",
    "no_room_for_answer": "their prompt leaves no room for an answer",
}


def draw_plots(record: Tested, rows: list[dict[str, Any]]) -> dict[str, dict[str, bytes]]:
    """Name -> theme -> PNG."""
    return {name: {theme: draw(record, rows, theme) for theme in ("light", "dark")} for name, draw in PLOTS.items()}


def data_uri(png: bytes) -> str:
    """A PNG as an address that holds it."""
    return "data:image/png;base64," + b64encode(png).decode()


def hub_in_links() -> str:
    """What stands in front of a path in the links of a published page: the public Hub's address, of any other Hub nothing.

    A Hub of one's own gets another port, or another name; the path stays right.
    """
    return PUBLIC_HUB if endpoint() == PUBLIC_HUB else ""


def address_in(record: Tested) -> Callable[[Pin], str]:
    """How a page links to a repo. A comparison is a file on nobody's Hub, and names the one that was read."""
    if not isinstance(record, EvaluationRecord):
        return address
    return lambda pin: hub_in_links() + address(pin).removeprefix(endpoint())


def render_page(template: str, record: Tested, rows: list[dict[str, Any]], plots: dict[str, dict[str, bytes]]) -> str:
    """One page that asks nothing of anyone; its script searches and sorts, and it reads without it too.

    The same record and rows give the same page. It stays below MOST_BYTES by embedding fewer titles, and says so.
    """
    environment = Environment(
        loader=PackageLoader("evaluation.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"data_uri": data_uri, "number": wording.number}
    drawn = sum(len(data_uri(png)) for themes in plots.values() for png in themes.values())
    return environment.get_template(template).render(
        record=record,
        wording=wording,
        plots=plots,
        address=address_in(record),
        reasons=REASONS,
        most_bytes=MOST_BYTES,
        examples=choose_examples(record, rows, MOST_BYTES - FRAME - drawn),
    )
