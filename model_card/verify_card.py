"""Level card, the card itself: what is ours of README.md is, byte for byte, a fresh rendering of the records beside it.

Then one line for each number that the card shows. Text and metadata that a person added are not looked at.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from model_card.repo_state import RepoState
from model_card.verification import Checks, Line
from titlecraft.card_merge import Card, Owned, merge, split
from titlecraft.records import RepoType

CARD = "README.md"
FRONT, WHOLE = "front matter", "text"
NOTHING = "nothing"


def verify_card(state: RepoState) -> list[Line]:
    """The card of an adapter or of a dataset against its fresh rendering, section by section and key by key."""
    checks = Checks("card", "card")
    return checks.gather(by_section(checks, state))


def fresh(state: RepoState) -> str:
    """The card as the records of this state render it, without anything that a person wrote."""
    if state.pin.type == "dataset":
        from model_card.verify_dataset_card import render_dataset_card

        return render_dataset_card(state)
    from model_card.build import read_card_inputs, render

    return render(read_card_inputs(state.folder, None, state.pin.repo))


def owned(type: RepoType) -> Owned:
    """What of a card's metadata is ours."""
    return Owned()


def rerendered(state: RepoState) -> str:
    """README.md as it has to be: the fresh rendering, with what people added to the card that is there."""
    text, new = state.require(CARD).decode(), fresh(state)
    if not any(block.name for block in split(new).blocks):
        return new
    return merge(text, new, owned(state.pin.type))


def by_section(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each key of our metadata and for each section of ours."""
    there, here = (split(text, state.named(CARD)) for text in (state.require(CARD).decode(), fresh(state)))
    for key, value in here.metadata.items():
        if key == "model-index":
            yield from results(checks, there.metadata.get(key), value)
        else:
            yield metadata_line(checks, key, there.metadata.get(key), value)
    old, new = sections(there), sections(here)
    yield checks.equal("sections, in order", list(old), list(new))
    for name, text in new.items():
        yield section_line(checks, name, old.get(name), text)


def sections(card: Card) -> dict[str, str]:
    """Name -> text of our sections; a card of before there were sections is one."""
    found = {block.name: block.text for block in card.blocks if block.name}
    return found or {WHOLE: "\n\n".join(block.text for block in card.blocks)}


def metadata_line(checks: Checks, key: str, there: Any, here: Any) -> Line:
    """One key of the front matter; to a list a person may have added values."""
    if isinstance(here, list) and isinstance(there, list) and all(isinstance(one, str) for one in [*here, *there]):
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
