"""Level card, the card itself: what is ours of README.md is, byte for byte, a fresh rendering of the records beside it.

Then one line for each number that the card shows. What a person added is the affair of verify_added and verify_metadata.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from model_card.verification.level_card.text.added import verify_added
from model_card.verification.level_card.text.card_lines import LONGEST_CARD
from model_card.verification.level_card.text.metadata import FRONT, as_written, fault_of_card, same, verify_metadata
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.cards.merge import Card, Owned, merge, split
from titlecraft.errors import UserError
from titlecraft.records import read_record

CARD = "README.md"
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

    return render(read_card_inputs(state.folder, None, state.pin.repo, state.pin)), owned([])


def fresh_dataset_card(state: RepoState) -> tuple[str, Owned]:
    """The same of a dataset's card; configs that a person added to the card that is there are known to it."""
    from dataset_builder.card.metadata import OWNED
    from dataset_builder.card.write import CardInputs
    from dataset_builder.card.write import fresh as render
    from titlecraft.records.lineage import LINEAGE, DatasetLineage

    raw = state.read(LINEAGE)
    lineage = None if raw is None else read_record(raw, DatasetLineage, state.describe(LINEAGE))
    front = split(readable_card(state), state.describe(CARD)).metadata
    return render(CardInputs(state.pin.repo, state.dataset, lineage), front), OWNED


def rerendered(state: RepoState) -> str:
    """README.md as it has to be: the fresh rendering, with what people added to the card that is there."""
    new, owned = fresh(state)
    return merge(state.require(CARD).decode(), new, owned, state.describe(CARD))


def by_section(checks: Checks, state: RepoState) -> Iterator[Line]:
    """A line for each key of our metadata, by its value, and for each section of ours, byte for byte."""
    text = readable_card(state)
    new, owned = fresh(state)
    there, here = split(text, state.describe(CARD)), split(new)
    yield from verify_added(text, new)
    yield from verify_metadata(text, there, here, owned)
    for key, value in here.metadata.items():
        if key == "model-index":
            yield from results(checks, there.metadata.get(key), value)
        else:
            yield metadata_line(checks, key, there.metadata.get(key), value, key in owned.values)
    stale = [key for key in there.metadata if key in owned.keys and key not in here.metadata]
    yield checks.equal(f"{FRONT}, keys that the records do not license", "none", ", ".join(stale) or "none")
    old, sections_here = sections(there), sections(here)
    yield checks.equal("sections, in order", [name for name, _ in old], [name for name, _ in sections_here])
    for name, section in sections_here:
        texts = [text for other, text in old if other == name]
        yield section_line(
            checks, name, next((text for text in texts if text != section), next(iter(texts), None)), section
        )


def readable_card(state: RepoState) -> str:
    """The card's text. Raises UserError where it is too large, not UTF-8, or its metadata have more than one reading."""
    raw = state.require(CARD)
    if len(raw) > 4 * LONGEST_CARD:
        raise UserError(f"{state.describe(CARD)} has {len(raw):,} bytes: no card of titlecraft's is so long")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{state.describe(CARD)}, byte {error.start:,}: not UTF-8") from error
    if fault := fault_of_card(text):
        raise UserError(f"{state.describe(CARD)}: {fault}: write each value out, once")
    return text


def sections(card: Card) -> list[tuple[str, str]]:
    """Name and text of our sections, in their order; a name may stand twice."""
    return [(block.name, block.text) for block in card.blocks if block.name]


def metadata_line(checks: Checks, key: str, there: Any, here: Any, shared: bool) -> Line:
    """One key of the front matter; to a `shared` list a person may have added values."""
    if shared and isinstance(here, list) and isinstance(there, list):
        missing = [one for one in here if not any(same(one, other) for other in there)]
        return checks.line(f"{FRONT}, {key}", there, here, not missing, "ours are in it",
                           f"missing: {', '.join(missing)}" if missing else None)  # fmt: skip
    return value_line(checks, f"{FRONT}, {key}", there, here)


def value_line(checks: Checks, claim: str, there: Any, here: Any) -> Line:
    """A line that holds where two values of YAML have the same types and contents."""
    if same(there, here):
        return checks.line(claim, there, here, True, EXACT)
    return checks.equal(claim, as_written(there), as_written(here))


def results(checks: Checks, there: Any, here: Any) -> Iterator[Line]:
    """The model-index: a line for each of its values, and one for all that stands around them."""
    yield value_line(checks, f"{FRONT}, model-index, beside its values", shape(there), shape(here))
    yield checks.equal(f"{FRONT}, model-index, number of values", len(values(there)), len(values(here)))
    for (name, claimed), (_, derived) in zip(values(there), values(here), strict=False):
        yield value_line(checks, f"{FRONT}, model-index, {name}", claimed, derived)


def metrics(index: Any) -> list[dict[str, Any]]:
    """Each metric of a model-index, in its order; of one that is otherwise made, those that can be found."""
    listed = lambda value: [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []  # noqa: E731
    results = [result for model in listed(index) for result in listed(model.get("results"))]
    return [metric for result in results for metric in listed(result.get("metrics"))]


def values(index: Any) -> list[tuple[str, Any]]:
    """Name and value of each metric of a model-index, in its order."""
    return [(str(metric.get("name")), metric.get("value")) for metric in metrics(index)]


def shape(index: Any) -> Any:
    """A model-index without the values of its metrics."""
    return without_values(index, {id(metric) for metric in metrics(index)})


def without_values(part: Any, of: set[int]) -> Any:
    """A part of a model-index; the mappings with these ids lose their `value`."""
    if isinstance(part, dict):
        return {key: without_values(one, of) for key, one in part.items() if key != "value" or id(part) not in of}
    return [without_values(one, of) for one in part] if isinstance(part, list) else part


def section_line(checks: Checks, name: str, there: str | None, here: str) -> Line:
    """One section; where it is not the fresh rendering, its first line that differs."""
    claim = f"section {name!r} is the fresh rendering"
    if there == here:
        return checks.line(claim, f"{len(here):,} characters", "equal", True, "equal")
    pairs = enumerate(zip_longest((there or "").split("\n"), here.split("\n"), fillvalue=NOTHING), start=1)
    place, (claimed, derived) = next((place, pair) for place, pair in pairs if pair[0] != pair[1])
    return checks.line(claim, claimed, derived, False, "equal", f"line {place} of the section")
