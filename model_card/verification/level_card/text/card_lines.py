"""Splits a card into front matter, our sections and text added by a person, with line numbers.

titlecraft.cards.merge reads a card leniently, so that a person's text is never lost. A verification reads it strictly: a
marker of a section that is misplaced, or a line that only looks like one, is a fault.
"""

import re
from dataclasses import dataclass, field

from model_card.verification.confusables import skeleton
from titlecraft.cards.merge import NOTICE

OPENING = re.compile(r"<!-- titlecraft:([a-z0-9_-]+) -->")
RULE = "---"
MAX_CARD = 1_000_000  # characters; the Hub shows no more, and our cards have at most a tenth of that


@dataclass(frozen=True)
class AddedText:
    """A person's text between two of our sections. `first` and `last` are its line numbers, counted from 1."""

    first: int
    last: int
    lines: list[str]

    def __str__(self) -> str:
        return f"line {self.first}" if self.first == self.last else f"lines {self.first}–{self.last}"


@dataclass(frozen=True)
class CardLines:
    """The parts of a card. Line numbers are counted from 1.

    Args:
        front: the text between the two --- lines; None without front matter.
        body: all lines after it.
        body_first: the number of the first line of the body.
        sections: name, first and last line (the markers) of each of our sections, in order.
        added: the texts that a person added.
        faults: line number and description of each fault.
    """

    front: str | None
    body: list[str]
    body_first: int
    sections: list[tuple[str, int, int]] = field(default_factory=list)
    added: list[AddedText] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


def read_lines(text: str) -> CardLines:
    """The parts of a card, with any kind of line ending."""
    lines = re.sub("\r\n?", "\n", text).split("\n")
    front, start, faults = front_matter(lines)
    card = CardLines(front, lines[start:], start + 1, faults=faults)
    outside: list[int] = []  # indices of the lines since the last section
    index, has_notice = start, False
    while index < len(lines):
        line = lines[index]
        if opening := OPENING.fullmatch(line):
            name = opening[1]
            end = section_end(lines, index, name)
            if end is None:
                card.faults.append((index + 1, f"section {name!r} has no end"))
                end = len(lines) - 1
            elif name in [other for other, _, _ in card.sections]:
                card.faults.append((index + 1, f"a second section {name!r}"))
            append_added(card, lines, outside)
            card.sections.append((name, index + 1, end + 1))
            outside, index = [], end + 1
            continue
        at_the_top = not card.sections and not any(lines[other].strip() for other in outside)
        if line == NOTICE and not has_notice and at_the_top:
            has_notice, outside = True, []
        else:
            if looks_like_marker(line):
                card.faults.append((index + 1, "looks like a line of titlecraft's that marks a section"))
            outside.append(index)
        index += 1
    append_added(card, lines, outside)
    return card


def front_matter(lines: list[str]) -> tuple[str | None, int, list[tuple[int, str]]]:
    """The front matter, the index of the first line after it, and the faults of its delimiters."""
    if lines[0] != RULE:
        return None, 0, [(1, "the card does not begin with --- and its metadata")]
    ends = (index for index in range(1, len(lines)) if lines[index].rstrip() in (RULE, "..."))
    end = next(ends, None)
    if end is None:
        return None, 0, [(1, "the metadata have no end")]
    faults = [] if lines[end] == RULE else [(end + 1, "the metadata must end with a line of three dashes")]
    after = next((index for index in range(end + 1, len(lines)) if lines[index].strip()), None)
    if after is not None and lines[after].strip() == RULE:
        faults.append((after + 1, "a second block of metadata"))
    return "\n".join(lines[1:end]), end + 1, faults


def section_end(lines: list[str], opening: int, name: str) -> int | None:
    """The index of the end marker of the section that begins at `opening`; None if it has no end before the next section."""
    for index in range(opening + 1, len(lines)):
        if lines[index] == f"<!-- /titlecraft:{name} -->":
            return index
        if OPENING.fullmatch(lines[index]):
            return None
    return None


def append_added(card: CardLines, lines: list[str], outside: list[int]) -> None:
    """Append the text of these lines to `card.added`, if they are not all blank."""
    filled = [index for index in outside if lines[index].strip()]
    if filled:
        first, last = filled[0], filled[-1]
        card.added.append(AddedText(first + 1, last + 1, lines[first : last + 1]))


def looks_like_marker(line: str) -> bool:
    """Whether a line outside our sections looks like a marker of a section or like the notice."""
    visible = skeleton(line[:10_000]).replace(" ", "").replace("\\", "")
    return bool(re.search(r"<!-*/?titlecraft|titlecraft:[a-z0-9_-]+-*>", visible))
