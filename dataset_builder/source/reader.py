"""What a format of catalogues has to provide. `readers.py` lists the formats; `json_lines.py` is the first of them."""

from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from dataset_builder.source.parse import Drop, Quarantine, Row
from dataset_builder.source.read_blocks import Block
from titlecraft.settings import Data


class LineParser(Protocol):
    """Parses the lines of a block. A line is what holds one row; in some formats it may itself contain line breaks.

    `absent` counts the lines that lack the title, the content or the uid, by the name of the column.
    """

    absent: Counter[str]

    def parse(self, line: bytes) -> Row | Drop | Quarantine:
        """Return the row of a line, or the reason why it has none."""
        ...

    def published_part(self, line: bytes, reason: Quarantine) -> dict[str, Any]:
        """Return the columns of a quarantined line that may be published; empty if the line cannot be read."""
        ...

    def columns(self, lines: list[bytes]) -> Counter[str]:
        """Count how many of these lines have each column."""
        ...


class Reader(Protocol):
    """One format of catalogues."""

    name: str
    divisible: bool
    """Whether an uncompressed file can be read from any byte on, so that several workers can share it."""

    def recognises(self, head: bytes, address: str) -> bool:
        """Return whether a file with these first bytes (compressed or not) has this format."""
        ...

    def examine(self, head: bytes, address: str, whole: bool) -> None:
        """Raise UserError if the first bytes of a file, all of it if `whole`, cannot be read in this format."""
        ...

    def blocks(self, address: str, start: int, end: int | None) -> Iterator[Block]:
        """Yield blocks of whole lines: those that begin in bytes `start` to `end` of the file's text."""
        ...

    def lines(self, data: bytes) -> list[bytes]:
        """Return the lines of a block; joined by single newlines they give the block again."""
        ...

    def parser(self, settings: Data, header: bytes) -> LineParser:
        """Return a parser for one block; `header` is the block's own, empty in formats without one."""
        ...
