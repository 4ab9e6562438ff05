"""Level card, metadata: front matter that every reader reads alike, and what a person added to it.

A forger's means are YAML's: a key that stands twice (which one counts is up to the reader), anchors and merge keys that bring
values from elsewhere, keys that look like ours, and keys of the Hub's that show a claim.
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
DEEPEST = 16  # levels of lists and mappings; ours have 7
SHOWN_BY_HUB = (  # keys with which a Hub shows a claim, or leads elsewhere, where titlecraft writes none
    "metrics", "eval_results", "evaluation_results", "evaluation", "results", "new_version", "model_name", "model_type",
    "quantized_by", "base_model", "base_model_relation", "co2_eq_emissions", "license", "license_name", "license_link",
    "license_details", "library_name", "pipeline_tag", "model-index", "widget", "thumbnail", "dataset_info",
    "train-eval-index", "source_datasets", "verified",
)  # fmt: skip
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


def verify_metadata(text: str, there: Card, here: Card, owned: Owned) -> list[Line]:
    """The form of the front matter of a card, and what it has beside the fresh rendering."""
    checks = Checks("card", "card")
    one_reading = checks.equal(f"{FRONT}, one reading", fault_of_card(text) or "yes", "yes")
    return [one_reading, *checks.gather(of_added_keys(checks, there.metadata, here.metadata, owned))]


def fault_of_card(text: str) -> str | None:
    """Why two programs may read the front matter of a card differently; None where they cannot."""
    front, _, faults = front_matter(re.sub("\r\n?", "\n", text).split("\n"))
    if faults:
        return f"line {faults[0][0]}: {faults[0][1]}"
    try:
        return fault_of(front or "")
    except yaml.YAMLError as error:
        return f"the metadata are not YAML ({' '.join(str(error).split())[:200]})"


def fault_of(front: str) -> str | None:
    """Why two programs may read a YAML text differently; None where they cannot. Raises yaml.YAMLError.

    It goes by the parser's events, which stand for no more than the text is long: aliases are never followed.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    open_parts: list[
        tuple[set[str] | None, bool]
    ] = []  # keys of a mapping (None: a list), and whether a key comes next
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
        if len(open_parts) > DEEPEST:
            return f"{where}: more than {DEEPEST} levels"
        if isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            open_parts.pop()
            continue
        starts = isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent)
        if not starts and not isinstance(event, yaml.ScalarEvent):
            continue
        if open_parts and open_parts[-1][0] is not None:
            keys, is_key = open_parts[-1]
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


def same(one: Any, other: Any) -> bool:
    """Whether two values of YAML are the same to every reader: true is not 1, and 1 is not 1.0 where it is written so."""
    return as_written(one) == as_written(other)


def as_written(value: Any) -> str:
    """A value as JSON; what JSON has no word for, by its type and text. The order of keys means nothing."""
    return json.dumps(value, sort_keys=True, default=lambda one: f"{type(one).__name__} {one}")


def of_added_keys(checks: Checks, there: dict[str, Any], here: dict[str, Any], owned: Owned) -> Iterator[Line]:
    """A line for each key, and for all values in each list, that a person added."""
    ours = {letters_of(key): key for key in (*here, *owned.keys, *owned.values, *SHOWN_BY_HUB)}
    for key, value in there.items():
        name = str(key)
        if key in here or key in owned.keys:  # compared by verify_card
            if key in owned.values:
                yield from of_added_values(checks, name, value, here.get(key))
            continue
        if key in owned.values:
            yield from of_added_values(checks, name, value, [])
        elif (alike := ours.get(letters_of(name))) or mixed_word(name):
            yield checks.line(f"{FRONT}, key added by hand", name, f"no key that reads like {alike or 'another'}", False, EXACT,
                              "only titlecraft writes it: take it out")  # fmt: skip
        else:
            yield checks.not_looked_at(f"{FRONT}, {name}", value, "not looked at", "added by hand")


def of_added_values(checks: Checks, key: str, there: Any, here: Any) -> Iterator[Line]:
    """What a person added to a list that others add to."""
    values, ours = (one if isinstance(one, list) else [] if one is None else [one] for one in (there, here))
    added = [value for value in values if not any(same(value, one) for one in ours)]
    repeated = [value for place, value in enumerate(values) if value in values[:place]]
    if repeated or any(not isinstance(value, str) for value in values):
        yield checks.line(f"{FRONT}, {key}", values, "words, each of them once", False, EXACT, "take the others out")
        return
    known = {skeleton(one) for one in ours if isinstance(one, str)}
    for value in added:
        if skeleton(value) in known or skeleton(value).startswith(DERIVED_TAGS) or mixed_word(value):
            yield checks.line(f"{FRONT}, {key}, added by hand", value, "nothing that reads like ours", False, EXACT,
                              "it reads like a claim of titlecraft's or of the Hub's: take it out")  # fmt: skip
            return
    if added:
        yield checks.not_looked_at(f"{FRONT}, {key}", ", ".join(added), "not looked at", "added by hand")
