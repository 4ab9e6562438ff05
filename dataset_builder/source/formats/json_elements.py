"""Finds the elements of JSON text piece by piece: those of an array, those of a list inside an object, or values in a row.

Elements are found by their brackets and strings and not decoded, so that a malformed one costs only itself. A string that has no
end in its line ends the element there.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

STRING = rb'"(?:[^"\\\n]++|\\.)*+"'
BETWEEN = re.compile(rb"[\s,]*+")
TOKEN = re.compile(STRING + rb'|[\[\]{}]|"[^\n]*+')  # the last: a string without an end
OTHER = re.compile(STRING + rb'|[^\s,\[\]{}"]++|"[^\n]*+|.', re.DOTALL)
STRUCTURE = re.compile(STRING + rb'|[\[\]{}:,]|"')
NESTED = 5  # levels that one regular expression matches; deeper ones are counted token by token


def nested(levels: int) -> bytes:
    """Return a regular expression for a list or an object with so many levels of others in it."""
    deeper = b"|" + nested(levels - 1) if levels else b""
    return rb'[\[{](?:[^\[\]{}"]++|' + STRING + deeper + rb")*+[\]}]"


CONTAINER = re.compile(nested(NESTED))


class Element(NamedTuple):
    """The source text of an element, and its position in bytes."""

    offset: int
    text: bytes


class Elements:
    """Finds elements in pieces of a text.

    Args:
        records: dotted path of the list that holds the elements; None takes those of the outermost arrays, and outermost objects.
    """

    def __init__(self, records: str | None, offset: int = 0) -> None:
        self.records, self.offset = records, offset
        self.rest = b""
        self.inside = False  # of the list that holds the elements
        self.lists: list[str] = []  # paths of other lists
        self.found = False
        self.frames: list[list[str]] = []  # of the containers around the list: "{" or "[", and the current key

    def feed(self, piece: bytes, final: bool = False) -> Iterator[Element]:
        """Yield the elements that are complete with this piece; with the `final` one also a last one that is cut."""
        text, position = self.rest + piece, 0
        while True:
            if self.records is not None and not self.inside:
                position = self.approach(text, position)
                if not self.inside:
                    break
            position = BETWEEN.match(text, position).end()  # pyright: ignore[reportOptionalMemberAccess]  # it always matches
            if position == len(text):
                break
            mark = text[position : position + 1]
            if mark == b"]" and self.inside:
                self.inside, position = False, position + 1
                continue
            if mark == b"[" and not self.inside:
                self.inside = self.found = True
                position += 1
                continue
            end = end_of_element(text, position, final)
            if end is None:
                break
            yield Element(self.offset + position, text[position:end])
            position = end
        self.rest = text[position:]
        self.offset += position

    def approach(self, text: bytes, position: int) -> int:
        """Follow the structure up to the list that holds the elements; return the position where the text was read up to."""
        while token := STRUCTURE.search(text, position):
            mark = token[0]
            if mark == b'"':  # a string that this piece cuts
                return token.start()
            position = token.end()
            if mark == b"[" and self.path() == self.records:
                self.inside = self.found = True
                return position
            if mark in (b"{", b"["):
                if mark == b"[" and self.path():
                    self.lists.append(self.path())
                self.frames.append([mark.decode(), ""])
            elif mark in (b"}", b"]"):
                self.frames = self.frames[:-1]
            elif mark[:1] == b'"':
                self.string = mark[1:-1].decode("utf-8", "replace")
            elif mark == b":" and self.frames:
                self.frames[-1][1] = self.string
        return len(text)

    string = ""

    def path(self) -> str:
        """Return the dotted path of the value that comes next."""
        return ".".join(key for mark, key in self.frames if mark == "{")

    @property
    def is_cut(self) -> bool:
        """Return whether a list or an object around the elements has not ended."""
        return self.inside or bool(self.frames)


def end_of_element(text: bytes, position: int, final: bool) -> int | None:
    """Return the end of the element that begins here; None if the text does not hold it whole and goes on."""
    if text[position] not in b"[{":
        other = OTHER.match(text, position)
        end = other.end() if other else position + 1
        return end if end < len(text) or final else None
    if container := CONTAINER.match(text, position):
        return container.end()
    depth = 0
    for token in TOKEN.finditer(text, position):
        mark = token[0][:1]
        if mark == b'"':
            if not token[0].endswith(b'"') or len(token[0]) == 1:
                return token.end() if token.end() < len(text) or final else None
            continue
        depth += 1 if mark in b"[{" else -1
        if not depth:
            return token.end()
    return len(text) if final else None
