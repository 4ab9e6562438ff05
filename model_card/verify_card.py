"""Level card, the card itself: what is ours of README.md is, byte for byte, a fresh rendering of the records beside it.

Then one line for each number that the card shows. Text and metadata that a person added are not looked at.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from model_card.repo_state import RepoState
from model_card.verification import Checks, Line
from titlecraft.card_merge import Card, Owned, merge, split
from titlecraft.records import read_record

CARD = "README.md"
FRONT = "front matter"
NOTHING = "nothing"


def verify_card(state: RepoState) -> list[Line]:
    """The card of an adapter or of a dataset against its fresh rendering, section by section and key by key."""
    checks = Checks("card", "card")
    return checks.gather(by_section(checks, state))


def fresh(state: RepoState) -> tuple[str, Owned]:
    """The card as the records of this state render it, without what a person wrote; and what of its metadata is ours."""
    if state.pin.type == "dataset":
        return fresh_dataset_card(state)
    from model_card.build import read_card_inputs, render
    from model_card.metadata import owned

    return render(read_card_inputs(state.folder, None, state.pin.repo)), owned([])


def fresh_dataset_card(state: RepoState) -> tuple[str, Owned]:
    """The same of a dataset's card; configs that a person added to the card that is there are known to it."""
    from dataset_builder.card import CardInputs
    from dataset_builder.card import fresh as render
    from dataset_builder.card_metadata import OWNED
    from titlecraft.lineage import LINEAGE, DatasetLineage

    raw = state.read(LINEAGE)
    lineage = None if raw is None else read_record(raw, DatasetLineage, state.named(LINEAGE))
    front = split(state.require(CARD).decode(), state.named(CARD)).metadata
    return render(CardInputs(state.pin.repo, state.dataset, lineage), front), OWNED


def rerendered(state: RepoState) -> str:
    """README.md as it has to be: the fresh rendering, with what people added to the card that is there."""
    new, owned = fresh(state)
    return merge(state.require(CARD).decode(), new, owned, state.named(CARD))


def by_section(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each key of our metadata, by its value, and for each section of ours, byte for byte."""
    text, (new, owned) = state.require(CARD).decode(), fresh(state)
    there, here = split(text, state.named(CARD)), split(new)
    for key, value in here.metadata.items():
        if key == "model-index":
            yield from results(checks, there.metadata.get(key), value)
        else:
            yield metadata_line(checks, key, there.metadata.get(key), value, key in owned.values)
    stale = [key for key in there.metadata if key in owned.keys and key not in here.metadata]
    yield checks.equal(f"{FRONT}, keys that the records do not license", "none", ", ".join(stale) or "none")
    old, sections_here = sections(there), sections(here)
    yield checks.equal("sections, in order", list(old), list(sections_here))
    for name, section in sections_here.items():
        yield section_line(checks, name, old.get(name), section)


def sections(card: Card) -> dict[str, str]:
    """Name -> text of our sections."""
    return {block.name: block.text for block in card.blocks if block.name}


def metadata_line(checks: Checks, key: str, there: Any, here: Any, shared: bool) -> Line:
    """One key of the front matter; to a `shared` list a person may have added values."""
    if shared and isinstance(here, list) and isinstance(there, list):
        missing = [one for one in here if one not in there]
        return checks.line(f"{FRONT}, {key}", there, here, not missing, "ours are in it",
                           f"missing: {', '.join(missing)}" if missing else None)  # fmt: skip
    return checks.equal(f"{FRONT}, {key}", there, here)


def results(checks: Checks, there: Any, here: Any) -> Iterator[Line]:
    """The model-index: a line for each of its values, and one for all that stands around them."""
    yield checks.equal(f"{FRONT}, model-index", shape(there), shape(here))
    for (name, claimed), (_, derived) in zip(values(there), values(here), strict=False):
        yield checks.equal(f"{FRONT}, model-index, {name}", claimed, derived)


def values(index: Any) -> list[tuple[str, Any]]:
    """Name and value of each metric of a model-index, in its order."""
    results = [result for model in index or [] for result in model.get("results", [])]
    return [
        (str(metric.get("name")), metric.get("value")) for result in results for metric in result.get("metrics", [])
    ]


def shape(index: Any) -> Any:
    """A model-index without its values."""
    if isinstance(index, dict):
        return {key: shape(one) for key, one in index.items() if key != "value"}
    return [shape(one) for one in index] if isinstance(index, list) else index


def section_line(checks: Checks, name: str, there: str | None, here: str) -> Line:
    """One section; where it is not the fresh rendering, its first line that differs."""
    claim = f"section {name!r} is the fresh rendering"
    if there == here:
        return checks.line(claim, f"{len(here):,} characters", "equal", True, "equal")
    pairs = enumerate(zip_longest((there or "").split("\n"), here.split("\n"), fillvalue=NOTHING), start=1)
    place, (claimed, derived) = next((place, pair) for place, pair in pairs if pair[0] != pair[1])
    return checks.line(claim, claimed, derived, False, "equal", f"line {place} of the section")
