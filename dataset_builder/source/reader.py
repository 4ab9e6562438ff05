"""What a format of catalogues has to provide. `readers.py` lists the formats; each has a file in `formats/`."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import orjson

from dataset_builder.source.files.addresses import shown
from dataset_builder.source.parse import Drop, Quarantine, Row
from dataset_builder.source.read_blocks import Block
from titlecraft.settings import Data

LINES = 200  # at the beginning of a file that decide about its format


@dataclass(frozen=True)
class Head:
    """The beginning of a file's text, decompressed; all of the text if `whole`."""

    data: bytes
    whole: bool
    address: str
    compression: str | None = None

    @property
    def shown(self) -> str:
        """Return the address without secrets, for messages."""
        return shown(self.address)

    @cached_property
    def text(self) -> str:
        """Return the text, with replacement characters for what is not UTF-8."""
        return self.data.decode("utf-8-sig", "replace")

    @cached_property
    def start(self) -> str:
        """Return the text without white space at its beginning."""
        return self.text.lstrip()

    @cached_property
    def lines(self) -> list[str]:
        """Return the first lines that are not blank, without an incomplete last one."""
        mark = "\r" if self.line_ends_are_cr else "\n"
        ended = self.text if self.whole else self.text[: self.text.rfind(mark) + 1]
        return [line for line in ended.split(mark) if line.strip()][:LINES]

    @cached_property
    def line_ends_are_cr(self) -> bool:
        """Return whether lines end in CR alone."""
        return "\r" in self.start and "\n" not in self.start.rstrip() and not self.start.startswith(("{", "["))

    @cached_property
    def is_json_lines(self) -> bool:
        """Return whether at least half of the lines are JSON objects."""
        return bool(self.lines) and 2 * sum(is_object(line) for line in self.lines) >= len(self.lines)


def is_object(line: str) -> bool:
    """Return whether the line is one JSON object."""
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


class LineParser(Protocol):
    """Parses the lines of a block. A line is what holds one row.

    `absent` counts the lines that lack a configured column, by its name.
    """

    absent: Counter[str]

    def parse(self, line: bytes) -> Row | Drop | Quarantine:
        """Return the row of a line, or the reason why it has none."""
        ...

    def published_part(self, line: bytes, reason: Quarantine) -> dict[str, Any]:
        """Return the configured columns of a quarantined line; empty if the line cannot be read."""
        ...

    def source_text(self, line: bytes) -> str:
        """Return a line as text."""
        ...

    def columns(self, lines: list[bytes]) -> Counter[str]:
        """Count how many of these lines have each column."""
        ...


class Reader(Protocol):
    """One format of catalogues."""

    name: str
    divisible: bool
    """Whether an uncompressed file can be read from any byte on, so that several workers can share it."""

    def recognises(self, head: Head, settings: Data) -> bool:
        """Return whether a file with this beginning has this format."""
        ...

    def examine(self, head: Head, settings: Data) -> None:
        """Raise UserError if a file with this beginning cannot be read in this format."""
        ...

    def blocks(self, address: str, settings: Data, start: int, end: int | None) -> Iterator[Block]:
        """Yield blocks of whole lines, at least one: those that begin in bytes `start` to `end` of the file's text."""
        ...

    def parser(self, settings: Data, header: bytes) -> LineParser:
        """Return a parser for one block; `header` is the block's own, empty in formats without one."""
        ...
