"""Merging a fresh rendering of a card into the published card, which keeps the text that people added.

A rendering consists of sections between `<!-- titlecraft:NAME -->` and `<!-- /titlecraft:NAME -->`, comments that the
Hub does not display. Merging overwrites the sections; text before, between and after them belongs to people and stays.
Metadata likewise: owned keys are overwritten, all other keys stay.

A published card is unmodified if merging a fresh rendering into it changes nothing: `merge(text, fresh, owned) ==
text`.
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
OURS = "titlecraft"  # this tag identifies cards of versions without section comments
_NOTICE = re.compile(r"<!-- titlecraft: .*-->\s*")
_OPENING = re.compile(r"<!-- titlecraft:([a-z0-9_-]+) -->\s*")


@dataclass(frozen=True)
class Owned:
    """The metadata that the program owns: merging removes what the rendering does not contain.

    Args:
        keys: owned top-level keys, such as a `model-index` of old scores.
        values: for lists that people add to (`tags`), the owned values.
    """

    keys: frozenset[str] = frozenset()
    values: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Block:
    """A part of a card's text: a generated section with its name, or text added by people, whose name is None."""

    name: str | None
    text: str


@dataclass(frozen=True)
class Card:
    """A parsed card: `metadata` is its front matter, `blocks` its text without the notice at the top."""

    metadata: dict[str, Any]
    blocks: list[Block]


def section(name: str, text: str) -> str:
    """Wrap text into the two comments of a section; templates may also write the comments themselves."""
    return f"<!-- titlecraft:{name} -->\n{text.strip(chr(10))}\n<!-- /titlecraft:{name} -->"


def split(text: str, where: str = CARD) -> Card:
    """Parse a card. Raises UserError, which names `where`, if the metadata are not YAML or a section has no end."""
    front, body = split_front_matter(re.sub("\r\n?", "\n", text))
    blocks: list[Block] = []
    person: list[str] = []
    lines = body.split("\n")
    index = 0
    while index < len(lines):
        opening = _OPENING.fullmatch(lines[index])
        if opening is None:
            if not _NOTICE.fullmatch(lines[index]):
                person.append(lines[index])
            index += 1
            continue
        end = _end_of(opening[1], lines, index, where)
        blocks += [Block(None, "\n".join(person)), Block(opening[1], "\n".join(lines[index + 1 : end]))]
        person, index = [], end + 1
    blocks.append(Block(None, "\n".join(person)))
    trimmed = [Block(block.name, block.text.strip("\n")) for block in blocks]
    return Card(_metadata(front, where), [block for block in trimmed if block.name or block.text.strip()])


def merge(existing: str | None, generated: str, owned: Owned, where: str = CARD) -> str:
    """Return the generated card plus the text that people added to the existing one. Merging is idempotent.

    Added text stays after the section that it followed, or moves to the end if that section is gone. A card without
    section comments is replaced if its tags say that Titlecraft wrote it; otherwise all of it counts as added text and
    goes after the generated sections.

    Raises:
        UserError: the existing card's metadata are no YAML, or a section has lost its end.
        ValueError: the generated card has text outside of sections.
    """
    new = split(generated, "the generated card")
    if any(block.name is None for block in new.blocks):
        raise ValueError("a generated card has text outside of its sections")
    old = split(existing, where) if existing is not None else Card({}, [])
    added_after, at_end = _added_texts(old, {block.name for block in new.blocks})
    pieces = [NOTICE, *added_after.get(None, [])]
    for block in new.blocks:
        pieces += [section(block.name or "", block.text), *added_after.get(block.name, [])]
    metadata = merge_metadata(old.metadata, new.metadata, owned)
    return f"---\n{_dump(metadata)}---\n\n" + "\n\n".join([*pieces, *at_end]) + "\n"


def generated_part(text: str, where: str = CARD) -> str:
    """Return the generated sections alone, in order. They are equal for a published card and a fresh rendering of it."""
    return "\n\n".join(section(block.name, block.text) for block in split(text, where).blocks if block.name) + "\n"


def written_by_people(text: str, where: str = CARD) -> list[str]:
    """Return the texts that people added to a card, in order."""
    return [block.text for block in split(text, where).blocks if block.name is None]


def merge_metadata(old: dict[str, Any], new: dict[str, Any], owned: Owned) -> dict[str, Any]:
    """Return owned keys first, in their order, then the other keys; in shared lists, owned values come first."""
    merged = {}
    for key, value in new.items():
        if isinstance(value, list) and key in owned.values:
            owned_values = [*value, *owned.values[key]]
            value = value + [item for item in _distinct(_listed(old.get(key))) if item not in owned_values]
        merged[key] = value
    for key, value in old.items():
        if key in owned.values and key not in new:
            value = [item for item in _listed(value) if item not in owned.values[key]]
            if not value:
                continue
        if key not in new and key not in owned.keys:
            merged[key] = value
    return merged


def _added_texts(old: Card, names: set[str | None]) -> tuple[dict[str | None, list[str]], list[str]]:
    """Return added texts by the generated section before them (None: before all sections), and those that go to the end."""
    added_after: dict[str | None, list[str]] = {}
    at_end: list[str] = []
    has_lines = any(block.name for block in old.blocks)
    if not has_lines and OURS in _listed(old.metadata.get("tags")):
        return added_after, at_end
    last: str | None = None
    for block in old.blocks:
        if block.name is not None:
            last = block.name
        elif has_lines and (last is None or last in names):
            added_after.setdefault(last, []).append(block.text)
        else:
            at_end.append(block.text)
    return added_after, at_end


def _end_of(name: str, lines: list[str], opening: int, where: str) -> int:
    """Return the line that ends the section opened in line `opening`. Raises UserError if there is none."""
    for index in range(opening + 1, len(lines)):
        if lines[index].rstrip() == f"<!-- /titlecraft:{name} -->":
            return index
        if _OPENING.fullmatch(lines[index]):
            break
    raise UserError(
        f"{where}: the section that begins with <!-- titlecraft:{name} --> has no <!-- /titlecraft:{name} --> behind it: "
        "put that line back where its text ends"
    )


def _metadata(front: str | None, where: str) -> dict[str, Any]:
    """Return the parsed front matter. Raises UserError if it is not a YAML mapping."""
    try:
        metadata = load_front_matter(front) if front else {}
    except ValueError as error:
        raise UserError(
            f"{where}: the metadata between the two --- lines are not YAML ({' '.join(str(error).split())}): mend them, or "
            "delete what stands between the lines"
        ) from error
    if metadata is not None and not isinstance(metadata, dict):
        raise UserError(f"{where}: the metadata between the two --- lines must be `name: value` lines: mend them")
    return metadata or {}


def _dump(metadata: dict[str, Any]) -> str:
    return yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=float("inf")) if metadata else ""


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _distinct(values: list[Any]) -> list[Any]:
    """Return values without duplicates; they need not be hashable."""
    return [value for index, value in enumerate(values) if value not in values[:index]]
