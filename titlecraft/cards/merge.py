"""Load, merge, write: a card is rendered anew, and what a person wrote into it stays.

A rendering consists of sections between `<!-- titlecraft:NAME -->` and `<!-- /titlecraft:NAME -->`, lines that the Hub
does not show. What stands inside them is ours and is overwritten; what stands before, between and behind them is a
person's. The same goes for the metadata: keys that are ours are ours, all other keys survive.

A published card is right if merging a fresh rendering into it changes nothing: `merge(text, fresh, owned) == text`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from titlecraft.cards.front_matter import load_front_matter, split_front_matter
from titlecraft.errors import UserError
from titlecraft.records.repo_files import CARD

NOTICE = (
    "<!-- titlecraft: what stands between a titlecraft line and its end is written by a program from records, and is "
    "overwritten; text outside of them is kept. -->"
)
OURS = "titlecraft"  # the tag by which a card of a version without markers is known
_NOTICE = re.compile(r"<!-- titlecraft: .*-->\s*")
_OPENING = re.compile(r"<!-- titlecraft:([a-z0-9_-]+) -->\s*")


@dataclass(frozen=True)
class Owned:
    """What of the metadata is ours, whether the present rendering has it or not.

    Args:
        keys: top-level keys that nobody else writes; one that the rendering lacks goes (a `model-index` of old scores).
        values: for lists that people add to (`tags`): the values that are ours, and go where the rendering lacks them.
    """

    keys: frozenset[str] = frozenset()
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """A piece of a card's text: a section of ours with its name, or a person's text, whose name is None."""

    name: str | None
    text: str


@dataclass(frozen=True)
class Card:
    """A card in pieces. `metadata` is its front matter; `blocks` its text, without the notice at the top."""

    metadata: dict[str, Any]
    blocks: list[Block]


def section(name: str, text: str) -> str:
    """A section of ours with its two lines; templates may write the lines themselves."""
    return f"<!-- titlecraft:{name} -->\n{text.strip(chr(10))}\n<!-- /titlecraft:{name} -->"


def split(text: str, where: str = CARD) -> Card:
    """Take a card apart. Raises UserError, with `where` in it, for metadata that are no YAML and sections without an end."""
    front, body = split_front_matter(re.sub("\r\n?", "\n", text))
    blocks: list[Block] = []
    person: list[str] = []
    lines = body.split("\n")
    place = 0
    while place < len(lines):
        opening = _OPENING.fullmatch(lines[place])
        if opening is None:
            if not _NOTICE.fullmatch(lines[place]):
                person.append(lines[place])
            place += 1
            continue
        end = _end_of(opening[1], lines, place, where)
        blocks += [Block(None, "\n".join(person)), Block(opening[1], "\n".join(lines[place + 1 : end]))]
        person, place = [], end + 1
    blocks.append(Block(None, "\n".join(person)))
    trimmed = [Block(block.name, block.text.strip("\n")) for block in blocks]
    return Card(_metadata(front, where), [block for block in trimmed if block.name or block.text.strip()])


def merge(existing: str | None, generated: str, owned: Owned, where: str = CARD) -> str:
    """The generated card with what a person wrote into the existing one; merging twice gives the same bytes.

    A person's text stays behind the section that it stood behind; where that is gone, at the end. A card without our lines
    is replaced whole where its tags say that it is ours; otherwise it is a person's, and its text goes behind ours.

    Raises:
        UserError: the existing card's metadata are no YAML, or a section has lost its end.
        ValueError: the generated card has text outside of sections.
    """
    new = split(generated, "the generated card")
    if any(block.name is None for block in new.blocks):
        raise ValueError("a generated card has text outside of its sections")
    old = split(existing, where) if existing is not None else Card({}, [])
    behind, rest = _places(old, {block.name for block in new.blocks})
    pieces = [NOTICE, *behind.get(None, [])]
    for block in new.blocks:
        pieces += [section(block.name or "", block.text), *behind.get(block.name, [])]
    metadata = merge_metadata(old.metadata, new.metadata, owned)
    return f"---\n{_dump(metadata)}---\n\n" + "\n\n".join([*pieces, *rest]) + "\n"


def generated_part(text: str, where: str = CARD) -> str:
    """The sections of ours alone, in their order: of a card as published, and of a fresh rendering, they are equal."""
    return "\n\n".join(section(block.name, block.text) for block in split(text, where).blocks if block.name) + "\n"


def written_by_people(text: str, where: str = CARD) -> list[str]:
    """A person's texts in a card, in their order."""
    return [block.text for block in split(text, where).blocks if block.name is None]


def merge_metadata(old: dict[str, Any], new: dict[str, Any], owned: Owned) -> dict[str, Any]:
    """Our keys first, in their order; of lists that people add to, our values first; then the keys that are not ours."""
    merged = {}
    for key, value in new.items():
        if isinstance(value, list) and key in owned.values:
            known = [*value, *owned.values[key]]
            value = value + [other for other in _distinct(_listed(old.get(key))) if other not in known]
        merged[key] = value
    for key, value in old.items():
        if key in owned.values and key not in new:
            value = [other for other in _listed(value) if other not in owned.values[key]]
            if not value:
                continue
        if key not in new and key not in owned.keys:
            merged[key] = value
    return merged


def _places(old: Card, names: set[str | None]) -> tuple[dict[str | None, list[str]], list[str]]:
    """A person's texts by the section of ours that they go behind (None: in front of all), and those that go to the end."""
    behind: dict[str | None, list[str]] = {}
    rest: list[str] = []
    has_lines = any(block.name for block in old.blocks)
    if not has_lines and OURS in _listed(old.metadata.get("tags")):
        return behind, rest
    last: str | None = None
    for block in old.blocks:
        if block.name is not None:
            last = block.name
        elif has_lines and (last is None or last in names):
            behind.setdefault(last, []).append(block.text)
        else:
            rest.append(block.text)
    return behind, rest


def _end_of(name: str, lines: list[str], opening: int, where: str) -> int:
    """Where the section ends that begins in line `opening`. Raises UserError where it does not."""
    for place in range(opening + 1, len(lines)):
        if lines[place].rstrip() == f"<!-- /titlecraft:{name} -->":
            return place
        if _OPENING.fullmatch(lines[place]):
            break
    raise UserError(
        f"{where}: the section that begins with <!-- titlecraft:{name} --> has no <!-- /titlecraft:{name} --> behind it: "
        "put that line back where its text ends"
    )


def _metadata(front: str | None, where: str) -> dict[str, Any]:
    """The front matter as values. Raises UserError where it is not a mapping in YAML."""
    try:
        found = load_front_matter(front) if front else {}
    except ValueError as error:
        raise UserError(
            f"{where}: the metadata between the two --- lines are not YAML ({' '.join(str(error).split())}): mend them, or "
            "delete what stands between the lines"
        ) from error
    if found is not None and not isinstance(found, dict):
        raise UserError(f"{where}: the metadata between the two --- lines must be `name: value` lines: mend them")
    return found or {}


def _dump(metadata: dict[str, Any]) -> str:
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=float("inf")) if metadata else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _distinct(values: list[Any]) -> list[Any]:
    """Without repetitions; values need not be hashable."""
    return [value for place, value in enumerate(values) if value not in values[:place]]
