"""Level card, cards of another version: what differs from the rendering here is compared by its numbers.

A card has no stamp of the code that rendered it; the records name the code of their stages. Where one of them is not the code here,
other words of the card prove nothing: they could not be looked at, and `titlecraft card` renders the card anew. A number that
neither the rendering here nor a record has is wrong in any version.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from model_card.inputs import dataset_record
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.lines.numbers import unknown_numbers
from model_card.verification.repo_state import RepoState
from titlecraft import __version__
from titlecraft.errors import UserError
from titlecraft.records import PREDICTIONS, Code, sources_sha256


def codes_of(state: RepoState) -> Iterator[tuple[str, Code]]:
    """Stage and code of each record of a repo that this code can read."""
    if state.pin.type == "dataset":
        yield "dataset_builder", state.dataset.code
        return
    yield "training", state.training.code
    for folder in state.readable_reports():
        yield "evaluation", state.report(folder).code


def rendered_by_other_code(state: RepoState) -> str | None:
    """Who rendered a card, if a record names other code than is here; None if all records name the code here."""
    try:
        codes = list(codes_of(state))
    except UserError:  # an unreadable record has a line of its own
        return None
    others = [code for stage, code in codes if (code.titlecraft, code.sources) != (__version__, sources_sha256(stage))]
    if not others:
        return None
    versions = dict.fromkeys(f"{code.titlecraft} (sources {code.sources[:12]})" for code in others)
    return f"rendered by Titlecraft {', '.join(versions)}; `titlecraft card` renders it anew"


def without_wording(lines: Iterable[Line], other_code: str | None) -> Iterator[Line]:
    """The lines about wording. A line that does not hold "could not be looked at" if other code rendered the card."""
    for line in lines:
        if other_code and line.verdict == "does not hold":
            line = msgspec.structs.replace(line, verdict="could not be looked at", note=other_code)
        yield line


def check_numbers(checks: Checks, state: RepoState, published: str, rendering: str) -> Line:
    """A line that holds if each number in our sections of a card is in the rendering here or in a record."""
    unknown = unknown_numbers(published, rendering, records_of(state))
    return checks.equal("numbers that no record has", ", ".join(unknown) or "none", "none")


def records_of(state: RepoState) -> Iterator[Any]:
    """The records that a card may take a number from, and the rows of its reports."""
    yield state.pin
    if state.pin.type == "dataset":
        yield state.dataset
        return
    yield state.training
    yield dataset_record(state.training.dataset)
    for folder in state.readable_reports():
        yield state.report(folder)
        if (state.folder / folder / PREDICTIONS).is_file():
            from evaluation.report.predictions import read_predictions  # only a card of other code needs it

            yield from read_predictions(state.folder / folder / PREDICTIONS)
