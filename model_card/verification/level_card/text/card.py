"""Level card, the card: our parts of README.md are equal, byte by byte, to a fresh rendering of the records.

There is one line for each number of the metadata. `verify_added` and `verify_metadata` check what a person added.
"""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from dataset_builder.card.metadata import OWNED
from dataset_builder.card.write import CardInputs
from dataset_builder.card.write import fresh as render_dataset_card
from model_card.build import read_card_inputs, render
from model_card.metadata import owned
from model_card.verification.level_card.text.added import verify_added
from model_card.verification.level_card.text.card_lines import MAX_CARD
from model_card.verification.level_card.text.metadata import FRONT, as_json, same, verify_metadata, yaml_fault_of_card
from model_card.verification.level_card.text.older import check_numbers, rendered_by_other_code, without_wording
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.cards.merge import Card, Owned, merge, split
from titlecraft.errors import UserError
from titlecraft.records import read_record
from titlecraft.records.lineage import DatasetLineage
from titlecraft.records.repo_files import CARD, LINEAGE

NOTHING = "nothing"
DESCRIPTIVE = ("widget", "tags", "language")  # metadata that another version may write in another way


def verify_card(state: RepoState) -> list[Line]:
    """Lines about every section and every metadata key of a card."""
    checks = Checks("card", "card")
    return checks.gather(check_card(checks, state))


def fresh_card(state: RepoState) -> tuple[str, Owned]:
    """The card rendered from the records, without a person's text, and which of its metadata are ours."""
    if state.pin.type == "dataset":
        return fresh_dataset_card(state)
    return render(read_card_inputs(state.folder, None, state.pin.repo, state.pin)), owned([])


def fresh_dataset_card(state: RepoState) -> tuple[str, Owned]:
    """The same for a dataset. The rendering keeps configs that a person added to the published card."""
    raw = state.read(LINEAGE)
    lineage = None if raw is None else read_record(raw, DatasetLineage, state.describe(LINEAGE))
    front = split(read_card(state), state.describe(CARD)).metadata
    return render_dataset_card(CardInputs(state.pin.repo, state.dataset, lineage), front), OWNED


def expected_card(state: RepoState) -> str:
    """README.md as it should be: the fresh rendering, merged with what people added to the published card."""
    fresh, owned_keys = fresh_card(state)
    return merge(state.require(CARD).decode(), fresh, owned_keys, state.describe(CARD))


def check_card(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Lines about added text and added metadata, then about each metadata key and each section of ours."""
    text = read_card(state)
    fresh, owned_keys = fresh_card(state)
    published, expected = split(text, state.describe(CARD)), split(fresh)
    yield from verify_added(text, fresh)
    yield from verify_metadata(text, published, expected, owned_keys)
    other_code = rendered_by_other_code(state)
    for key, value in expected.metadata.items():
        if key == "model-index":
            yield from check_model_index(checks, published.metadata.get(key), value)
        else:
            line = metadata_line(checks, key, published.metadata.get(key), value, key in owned_keys.values)
            yield from without_wording([line], other_code if key in DESCRIPTIVE else None)
    stale = [key for key in published.metadata if key in owned_keys.keys and key not in expected.metadata]
    yield checks.equal(f"{FRONT}, keys that the records do not license", "none", ", ".join(stale) or "none")
    published_sections, expected_sections = sections(published), sections(expected)
    yield from without_wording(check_sections(checks, published_sections, expected_sections), other_code)
    if other_code and published_sections != expected_sections:
        yield check_numbers(checks, state, "\n".join(text for _, text in published_sections), fresh)


def check_sections(
    checks: Checks, published_sections: list[tuple[str, str]], expected_sections: list[tuple[str, str]]
) -> Iterator[Line]:
    """The order of the sections, then a line for each section."""
    published_names, expected_names = ([name for name, _ in parts] for parts in (published_sections, expected_sections))
    yield checks.equal("sections, in order", published_names, expected_names)
    for name, section in expected_sections:
        texts = [text for other, text in published_sections if other == name]
        different = [text for text in texts if text != section]
        yield section_line(checks, name, next(iter(different or texts), None), section)


def read_card(state: RepoState) -> str:
    """The card's text. Raises UserError if it is too large or not UTF-8, or if parsers may disagree on its metadata."""
    raw = state.require(CARD)
    if len(raw) > 4 * MAX_CARD:
        raise UserError(f"{state.describe(CARD)} has {len(raw):,} bytes: no card of titlecraft's is so long")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{state.describe(CARD)}, byte {error.start:,}: not UTF-8") from error
    if fault := yaml_fault_of_card(text):
        raise UserError(f"{state.describe(CARD)}: {fault}: write each value out, once")
    return text


def sections(card: Card) -> list[tuple[str, str]]:
    """Name and text of our sections, in order. A name may occur twice."""
    return [(block.name, block.text) for block in card.blocks if block.name]


def metadata_line(checks: Checks, key: str, published: Any, expected: Any, shared: bool) -> Line:
    """The line about one metadata key. A person may add values to a `shared` list."""
    if shared and isinstance(expected, list) and isinstance(published, list):
        missing = [value for value in expected if not any(same(value, other) for other in published)]
        note = f"missing: {', '.join(missing)}" if missing else None
        return checks.line(f"{FRONT}, {key}", published, expected, not missing, "ours are in it", note)
    return value_line(checks, f"{FRONT}, {key}", published, expected)


def value_line(checks: Checks, claim: str, published: Any, expected: Any) -> Line:
    """A line that holds if two YAML values have equal types and contents."""
    if same(published, expected):
        return checks.line(claim, published, expected, True, EXACT)
    return checks.equal(claim, as_json(published), as_json(expected))


def check_model_index(checks: Checks, published: Any, expected: Any) -> Iterator[Line]:
    """A line for each value of the model-index, and one for its other contents."""
    yield value_line(
        checks, f"{FRONT}, model-index, beside its values", other_contents(published), other_contents(expected)
    )
    published_values, expected_values = metric_values(published), metric_values(expected)
    claim = f"{FRONT}, model-index, number of values"
    yield checks.equal(claim, len(published_values), len(expected_values))
    for (name, claimed), (_, derived) in zip(published_values, expected_values, strict=False):
        yield value_line(checks, f"{FRONT}, model-index, {name}", claimed, derived)


def metrics(index: Any) -> list[dict[str, Any]]:
    """The metrics of a model-index, in order. Parts of another type than expected are skipped."""
    results = [result for model in mappings(index) for result in mappings(model.get("results"))]
    return [metric for result in results for metric in mappings(result.get("metrics"))]


def mappings(value: Any) -> list[dict[str, Any]]:
    """The mappings of a list; empty for any other value."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def metric_values(index: Any) -> list[tuple[str, Any]]:
    """Name and value of each metric of a model-index, in order."""
    return [(str(metric.get("name")), metric.get("value")) for metric in metrics(index)]


def other_contents(index: Any) -> Any:
    """A model-index without the values of its metrics."""
    return without_values(index, {id(metric) for metric in metrics(index)})


def without_values(part: Any, metric_ids: set[int]) -> Any:
    """A part of a model-index; the mappings with these ids lose their key `value`."""
    if isinstance(part, dict):
        is_metric = id(part) in metric_ids
        items = {key: value for key, value in part.items() if not (is_metric and key == "value")}
        return {key: without_values(value, metric_ids) for key, value in items.items()}
    return [without_values(item, metric_ids) for item in part] if isinstance(part, list) else part


def section_line(checks: Checks, name: str, published: str | None, expected: str) -> Line:
    """The line about one section. If it differs from the fresh rendering, the line shows the first difference."""
    claim = f"section {name!r} is the fresh rendering"
    if published == expected:
        return checks.line(claim, f"{len(expected):,} characters", "equal", True, "equal")
    pairs = enumerate(zip_longest((published or "").split("\n"), expected.split("\n"), fillvalue=NOTHING), start=1)
    number, (claimed, derived) = next((number, pair) for number, pair in pairs if pair[0] != pair[1])
    return checks.line(claim, claimed, derived, False, "equal", f"line {number} of the section")
