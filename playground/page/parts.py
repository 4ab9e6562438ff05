"""Render the parts of the page as HTML. Jinja escapes all text of users, models and datasets."""

from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from playground.ask.answer import Answer
from playground.ask.engine import Engine
from playground.ask.reply import Reply
from playground.ask.sources import pieces
from playground.ask.words import ARM_NAMES, EXCERPT, MATCHES, facts, nll_note, place_of, visible
from titlecraft.grounded_prompt import cut
from titlecraft.hub.pins import address
from titlecraft.records import Pin, TrainingRecord
from titlecraft.search.row_index import FoundRow

TITLES = {
    "number": "a number that is in no source",
    "name": "a name that is in no source",
    "word": "in no source",
}


@cache
def environment() -> jinja2.Environment:
    """The page's templates, with autoescaping."""
    loader = jinja2.PackageLoader("playground.page")
    return jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)


def render(part: str, **values: Any) -> str:
    """Render one part of the page."""
    return environment().get_template(f"{part}.html.jinja").render(**values)


def css() -> str:
    """The page's style sheet."""
    return (files("playground.page") / "templates" / "page.css").read_text(encoding="utf-8")


def header(engine: Engine) -> str:
    """The header: the adapter's name, with links to its pinned repos."""
    record = engine.inputs.training
    pins = [("adapter", engine.inputs.adapter), ("base", record.base), ("dataset", record.dataset)]
    examples = "trained elsewhere"
    if isinstance(record, TrainingRecord):
        seen = record.examples
        examples = f"trained on {seen.distinct_seen:,} of {seen.available:,} examples"
    return render(
        "header",
        name=engine.inputs.adapter.repo,
        device=engine.device,
        pins=[(what, str(pin), state_of(pin)) for what, pin in pins],
        examples=examples,
    )


def state_of(pin: Pin) -> str:
    """The URL of a repo's page at the pinned revision."""
    return f"{address(pin)}/tree/{pin.revision}"


def answers(reply: Reply) -> str:
    """The answers so far, side by side."""
    reference = reply.sources.reference
    return render(
        "answers",
        panels=[panel(reply, answer) for answer in reply.answers],
        titles=TITLES,
        complete=reply.complete,
        marked=any(reply.marks.values()),
        note=nll_note(reference, reply.in_prompt) if reference and reply.nll else None,
    )


def panel(reply: Reply, answer: Answer) -> dict[str, Any]:
    """The template values of one answer."""
    cut_up = pieces(answer.text.strip("\n") if answer.stop is None else answer.text, reply.marks.get(answer.arm, []))
    return {
        "name": ARM_NAMES[answer.arm],
        "writing": answer.stop is None,
        "silent": answer.stop and not answer.text.strip(),
        "pieces": [(visible(text), kind) for text, kind in cut_up],
        "facts": facts(answer, reply.nll.get(answer.arm)),
    }


def sources(reply: Reply) -> str:
    """The sources of the answers."""
    rows = [row_of(row, number <= reply.in_prompt) for number, row in enumerate(reply.sources.rows, 1)]
    return render("sources", known=reply.sources.known.replace(" ", "-"), sentence=reply.sources.sentence, rows=rows)


def row_of(row: FoundRow, in_prompt: bool) -> dict[str, Any]:
    """The template values of one row."""
    text = visible(row.text)
    excerpt = cut(text, EXCERPT)
    return {
        "how": MATCHES[row.match],
        "in_prompt": in_prompt,
        "title": visible(row.title),
        "excerpt": excerpt,
        "text": text,
        "rest": excerpt.endswith("…") and not text.endswith("…"),
        "split": row.split,
        "score": row.score,
        "uid": row.uid,
        "link": row.link,
        "place": place_of(row),
    }


def prompt(reply: Reply) -> str:
    """The prompt, collapsed."""
    kind = {"title": "title, put into the dataset's question", "question": "whole question, used as it is"}
    return render(
        "prompt", kind=kind[reply.question.kind], decoding=reply.decoding.in_words(), prompt=visible(reply.prompt)
    )


def notice(message: str) -> str:
    """An error message instead of answers."""
    return render("notice", message=message)
