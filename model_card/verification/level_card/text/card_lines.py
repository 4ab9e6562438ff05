"""A card line by line: front matter, sections of ours, and what a person added, with the numbers of their lines.

titlecraft.card_merge reads a card kindly, for a person's text must never be lost. A verification reads it strictly: a line
that looks like one of ours and is not, or stands where none belongs, is a fault.
"""

import re
from dataclasses import dataclass, field

from model_card.verification.confusables import skeleton
from titlecraft.cards.merge import NOTICE

OPENING = re.compile(r"<!-- titlecraft:([a-z0-9_-]+) -->")
RULE = "---"
LONGEST_CARD = 1_000_000  # characters; the Hub shows no more, and ours have a tenth of it at most


@dataclass(frozen=True)
class Added:
    """A person's text: what stands between two sections of ours. `first` and `last` are its lines, counted from 1."""

    first: int
    last: int
    lines: list[str]

    def __str__(self) -> str:
        return f"line {self.first}" if self.first == self.last else f"lines {self.first}–{self.last}"


@dataclass(frozen=True)
class CardLines:
    """A card taken apart.

    Args:
        front: the text between the two --- lines; None where there is no front matter.
        body: all lines after it, and `body_first` the number of the first of them.
        sections: name and range of lines (first, last, counted from 1, with their markers) of each section, in order.
        added: what a person added.
        faults: line and what is wrong there.
    """

    front: str | None
    body: list[str]
    body_first: int
    sections: list[tuple[str, int, int]] = field(default_factory=list)
    added: list[Added] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)


def read_lines(text: str) -> CardLines:
    """Take a card apart; line ends may be those of any system."""
    lines = re.sub("\r\n?", "\n", text).split("\n")
    front, start, faults = front_matter(lines)
    card = CardLines(front, lines[start:], start + 1, faults=faults)
    person: list[int] = []
    place, noticed = start, False
    while place < len(lines):
        line = lines[place]
        if opening := OPENING.fullmatch(line):
            end = section_end(lines, place, opening[1])
            if end is None:
                card.faults.append((place + 1, f"section {opening[1]!r} has no end"))
                end = len(lines) - 1
            elif opening[1] in [name for name, _, _ in card.sections]:
                card.faults.append((place + 1, f"a second section {opening[1]!r}"))
            close(card, lines, person)
            card.sections.append((opening[1], place + 1, end + 1))
            person, place = [], end + 1
            continue
        if line == NOTICE and not noticed and not card.sections and not any(lines[one].strip() for one in person):
            noticed, person = True, []
        else:
            if is_like_a_marker(line):
                card.faults.append((place + 1, "looks like a line of titlecraft's that marks a section"))
            person.append(place)
        place += 1
    close(card, lines, person)
    return card


def front_matter(lines: list[str]) -> tuple[str | None, int, list[tuple[int, str]]]:
    """The front matter, the place of the first line after it, and what is wrong with its frame."""
    if lines[0] != RULE:
        return None, 0, [(1, "the card does not begin with --- and its metadata")]
    ends = (place for place in range(1, len(lines)) if lines[place].rstrip() in (RULE, "..."))
    end = next(ends, None)
    if end is None:
        return None, 0, [(1, "the metadata have no end")]
    faults = [] if lines[end] == RULE else [(end + 1, "the metadata must end with a line of three dashes")]
    after = next((place for place in range(end + 1, len(lines)) if lines[place].strip()), None)
    if after is not None and lines[after].strip() == RULE:
        faults.append((after + 1, "a second block of metadata"))
    return "\n".join(lines[1:end]), end + 1, faults


def section_end(lines: list[str], opening: int, name: str) -> int | None:
    """Where the section ends that begins in line `opening`; None where another begins first, or none ends."""
    for place in range(opening + 1, len(lines)):
        if lines[place] == f"<!-- /titlecraft:{name} -->":
            return place
        if OPENING.fullmatch(lines[place]):
            return None
    return None


def close(card: CardLines, lines: list[str], person: list[int]) -> None:
    """End a person's text, if there is any."""
    filled = [place for place in person if lines[place].strip()]
    if filled:
        first, last = filled[0], filled[-1]
        card.added.append(Added(first + 1, last + 1, lines[first : last + 1]))


def is_like_a_marker(line: str) -> bool:
    """Whether a line outside our sections reads like one that begins or ends a section, or like the notice."""
    if len(line) > 10_000:
        line = line[:10_000]
    seen = skeleton(line).replace(" ", "").replace("\\", "")
    return bool(re.search(r"<!-*/?titlecraft|titlecraft:[a-z0-9_-]+-*>", seen))
