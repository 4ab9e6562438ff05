"""Level card, metadata: all YAML parsers read the front matter alike, and what a person added does not imitate ours.

An attacker may use duplicate keys (parsers differ in which one counts), anchors and merge keys (which copy values from
elsewhere), keys that look like ours, and keys that the Hub displays as a claim.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from model_card.verification.confusables import letters_of, mixed_word, skeleton
from model_card.verification.level_card.text.card_lines import front_matter
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line
from titlecraft.cards.merge import Card, Owned

FRONT = "front matter"
MAX_DEPTH = 16  # nested lists and mappings; our front matter has 7
# keys that the Hub displays as a claim or a link, and that a person may not add
SHOWN_BY_HUB = (
    "metrics",
    "eval_results",
    "evaluation_results",
    "evaluation",
    "results",
    "new_version",
    "model_name",
    "model_type",
    "quantized_by",
    "base_model",
    "base_model_relation",
    "co2_eq_emissions",
    "license",
    "license_name",
    "license_link",
    "license_details",
    "library_name",
    "pipeline_tag",
    "model-index",
    "widget",
    "thumbnail",
    "dataset_info",
    "train-eval-index",
    "source_datasets",
    "verified",
)
# tags that the Hub derives from other metadata
DERIVED_TAGS = (
    "license:",
    "base_model:",
    "dataset:",
    "region:",
    "model-index",
    "eval-results",
    "doi:",
    "arxiv:",
    "verified",
)


def verify_metadata(text: str, published: Card, expected: Card, owned: Owned) -> list[Line]:
    """Lines about the YAML of a card's front matter, and about the keys and values that the fresh rendering lacks."""
    checks = Checks("card", "card")
    one_reading = checks.equal(f"{FRONT}, one reading", yaml_fault_of_card(text) or "yes", "yes")
    return [one_reading, *checks.gather(check_added_keys(checks, published.metadata, expected.metadata, owned))]


def yaml_fault_of_card(text: str) -> str | None:
    """Why two parsers may read the front matter of a card differently; None if they cannot."""
    front, _, faults = front_matter(re.sub("\r\n?", "\n", text).split("\n"))
    if faults:
        return f"line {faults[0][0]}: {faults[0][1]}"
    try:
        return yaml_fault(front or "")
    except yaml.YAMLError as error:
        return f"the metadata are not YAML ({' '.join(str(error).split())[:200]})"


def yaml_fault(front: str) -> str | None:
    """Why two parsers may read a YAML text differently; None if they cannot. Raises yaml.YAMLError.

    Reads the parser's events and never resolves an alias, so the work is linear in the length of the text.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    # for each open part: the keys of a mapping (None for a list), and whether a key comes next
    open_parts: list[tuple[set[str] | None, bool]] = []
    documents = 0
    for event in yaml.parse(front, Loader=loader):
        where = f"line {event.start_mark.line + 2}"
        documents += isinstance(event, yaml.DocumentStartEvent)
        if documents > 1:
            return f"{where}: a second document"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            return f"{where}: an anchor or alias"
        if getattr(event, "tag", None) not in (None, "!"):
            return f"{where}: the tag {event.tag}"
        if len(open_parts) > MAX_DEPTH:
            return f"{where}: more than {MAX_DEPTH} levels"
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            open_parts.pop()
            continue
        starts = isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
        if not starts and not isinstance(event, yaml.ScalarEvent):
            continue
        keys, is_key = open_parts[-1] if open_parts else (None, False)
        if keys is not None:
            if is_key:
                if starts:
                    return f"{where}: a key that is no word"
                if event.value == "<<":
                    return f"{where}: a merge key"
                if event.value in keys:
                    return f"{where}: the key {event.value!r} stands there twice"
                keys.add(event.value)
            open_parts[-1] = (keys, not is_key)
        if starts:
            open_parts.append((set(), True) if isinstance(event, yaml.MappingStartEvent) else (None, False))
    return None


def same(value: Any, other: Any) -> bool:
    """Whether two YAML values have equal types and contents: true differs from 1, and 1 from 1.0."""
    return as_json(value) == as_json(other)


def as_json(value: Any) -> str:
    """A value as JSON with sorted keys; a value that JSON lacks, by its type and text."""
    return json.dumps(value, sort_keys=True, default=lambda other: f"{type(other).__name__} {other}")


def check_added_keys(
    checks: Checks, published: dict[str, Any], expected: dict[str, Any], owned: Owned
) -> Iterator[Line]:
    """A line for each key that a person added, and one for the values added to each shared list."""
    ours = {letters_of(key): key for key in (*expected, *owned.keys, *owned.values, *SHOWN_BY_HUB)}
    for key, value in published.items():
        name = str(key)
        if key in owned.values:
            yield from check_added_values(checks, name, value, expected.get(key))
        elif key in expected or key in owned.keys:  # verify_card compares it
            continue
        elif (similar := ours.get(letters_of(name))) or mixed_word(name):
            claim, expectation = f"{FRONT}, key added by hand", f"no key that reads like {similar or 'another'}"
            yield checks.line(claim, name, expectation, False, EXACT, "only titlecraft writes it: take it out")
        else:
            yield checks.not_looked_at(f"{FRONT}, {name}", value, "not looked at", "added by hand")


def check_added_values(checks: Checks, key: str, published: Any, expected: Any) -> Iterator[Line]:
    """A line about the values that a person added to a shared list; none if there are none."""
    values, ours = as_list(published), as_list(expected)
    repeated = any(value in values[:index] for index, value in enumerate(values))
    if repeated or any(not isinstance(value, str) for value in values):
        yield checks.line(f"{FRONT}, {key}", values, "words, each of them once", False, EXACT, "take the others out")
        return
    added = [value for value in values if not any(same(value, other) for other in ours)]
    known = {skeleton(value) for value in ours if isinstance(value, str)}
    for value in added:
        if skeleton(value) in known or skeleton(value).startswith(DERIVED_TAGS) or mixed_word(value):
            claim, advice = (
                f"{FRONT}, {key}, added by hand",
                "it reads like a claim of titlecraft's or of the Hub's: take it out",
            )
            yield checks.line(claim, value, "nothing that reads like ours", False, EXACT, advice)
            return
    if added:
        yield checks.not_looked_at(f"{FRONT}, {key}", ", ".join(added), "not looked at", "added by hand")


def as_list(value: Any) -> list[Any]:
    """A list as it is, nothing as an empty list, and any other value as a list of one."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]
