"""CSV, TSV and similar tables with a header. A cell in quotes may hold line breaks.

A row is handed on as a JSON list of its cells. Where a quote opens or closes in the wrong place, all lines that the row took are
quarantined: nothing tells where it should have ended.
"""

import csv
import json
from collections.abc import Iterator

import numpy as np
import orjson

from dataset_builder.source.columns import configured_names
from dataset_builder.source.files.addresses import shown
from dataset_builder.source.files.text import BYTE_ORDER_MARK, Text, open_text
from dataset_builder.source.formats.dialect import SEPARATOR, find_dialect
from dataset_builder.source.formats.foreign_text import of_others
from dataset_builder.source.formats.table_rows import BROKEN, RowParser
from dataset_builder.source.read_blocks import BLOCK_BYTES, Block
from dataset_builder.source.reader import Head
from titlecraft.errors import UserError
from titlecraft.settings import Data

LONGEST_CELL = 16 << 20  # characters
HEAD_BYTES = 1 << 18
LAST_ROW_IS_CUT = "the last row is cut"


class Tables:
    """The reader of tables as text."""

    name = "CSV"
    divisible = False

    def recognises(self, head: Head, settings: Data) -> bool:
        """Return whether most lines have as many cells as the first one has names."""
        if (
            head.is_json_lines
            or head.start.startswith(("{", "[", "<"))
            or of_others(head.lines, head.start, head.address)
        ):
            return False
        return find_dialect(head) is not None

    def examine(self, head: Head, settings: Data) -> None:
        """Raise UserError if the header names a configured column twice."""
        header = named_columns(head)
        for name in configured_names(settings):
            if header.count(name) > 1:
                raise UserError(
                    f"{head.shown}: the header has {name!r} {header.count(name)} times: name each column once"
                )

    def blocks(self, address: str, settings: Data, start: int, end: int | None) -> Iterator[Block]:
        """Yield the rows below the header."""
        with open_text(address, encoding=settings.encoding) as text:
            beginning = text.read(HEAD_BYTES)
            head = Head(beginning, len(beginning) < HEAD_BYTES, address)
            dialect = find_dialect(head)
            if dialect is None:
                raise UserError(f"{shown(address)}: the table has another beginning than before; run again")
            csv.field_size_limit(LONGEST_CELL)
            lines = SourceLines(text, beginning, b"\r" if head.line_ends_are_cr else b"\n")
            rows = csv.reader(lines, dialect, strict=True)
            header = orjson.dumps(header_of(rows))
            yield from Rows(rows, lines, text, header).blocks()

    def parser(self, settings: Data, header: bytes) -> RowParser:
        """Return a parser for one block; the header is a JSON list of the names of the columns."""
        return RowParser(settings, orjson.loads(header))


def named_columns(head: Head) -> list[str]:
    """Return the names of the columns of a table."""
    dialect = find_dialect(head)
    return [] if dialect is None else header_of(csv.reader((f"{line}\n" for line in head.lines), dialect))


def header_of(rows: Iterator[list[str]]) -> list[str]:
    """Return the names in the first row that has any; a line that names the separator (`sep=;`) is skipped."""
    for cells in rows:
        if (
            any(cells)
            and not SEPARATOR(cells[0].strip("\r\n "))
            and not (cells[0].lower() == "sep=" and not any(cells[1:]))
        ):
            return names_of(cells)
    return []


def names_of(cells: list[str]) -> list[str]:
    """Return the cells of a header without white space around them, as UTF-8."""
    return [cell.strip().encode("utf-8", "surrogateescape").decode("utf-8", "replace") for cell in cells]


class SourceLines:
    """Iterates over the lines of a text and remembers those of the current row.

    `taken` are the source lines since it was cleared last, `offset` the position behind them in bytes.
    """

    def __init__(self, text: Text, beginning: bytes, mark: bytes) -> None:
        self.text, self.piece, self.mark = text, beginning, mark
        self.offset = len(BYTE_ORDER_MARK) if beginning.startswith(BYTE_ORDER_MARK) else 0
        self.piece = beginning[self.offset :]
        self.taken: list[bytes] = []

    def __iter__(self) -> Iterator[str]:
        """Yield the lines with their ends; bytes that are not UTF-8 become half surrogates (PEP 383)."""
        rest, piece = b"", self.piece
        while piece:
            *lines, rest = (rest + piece).split(self.mark)
            for line in lines:
                yield self.take(line + self.mark)
            piece = self.text.read(1 << 20)
        if rest:
            yield self.take(rest)

    def take(self, line: bytes) -> str:
        """Remember a line, and return it as text."""
        self.taken.append(line)
        self.offset += len(line)
        return (line[:-1] + b"\n" if self.mark == b"\r" else line).decode("utf-8", "surrogateescape")


class Rows:
    """Collects the rows of a table in blocks."""

    def __init__(self, rows: Iterator[list[str]], lines: SourceLines, text: Text, header: bytes) -> None:
        self.rows, self.lines, self.text, self.header = rows, lines, text, header
        self.collected: list[bytes] = []
        self.positions: list[tuple[int, int]] = []
        self.size = 0
        self.cut = ""

    def blocks(self) -> Iterator[Block]:
        """Yield blocks up to the end of the table, at least one."""
        names = len(orjson.loads(self.header))
        first, lines = self.lines.offset, self.lines
        while True:
            lines.taken.clear()
            begin = lines.offset
            try:
                cells = next(self.rows)
            except StopIteration:
                break
            except csv.Error as error:
                self.add_broken(begin, list(lines.taken))
                self.cut = LAST_ROW_IS_CUT if "unexpected end" in str(error) else ""
                continue
            if 0 < len(cells) < names and not lines.taken[-1].endswith(lines.mark):
                self.cut = LAST_ROW_IS_CUT
            self.add(as_json_list(cells), begin, lines.offset - begin)
            if self.size >= BLOCK_BYTES:
                yield self.block(first, "")
                first = lines.offset
        yield self.block(first, self.text.cut or self.cut)

    def add(self, line: bytes, offset: int, length: int) -> None:
        """Add a row, with its position in the text."""
        self.collected.append(line)
        self.positions.append((offset, length))
        self.size += len(line) + 1

    def add_broken(self, offset: int, taken: list[bytes]) -> None:
        """Add each of the lines that a row with misplaced quotes took."""
        for line in taken:
            self.add(BROKEN + line.rstrip(b"\r\n").replace(b"\n", b"\r"), offset, len(line))
            offset += len(line)

    def block(self, offset: int, cut: str) -> Block:
        """Return the collected rows, and begin anew."""
        data = b"".join(line + b"\n" for line in self.collected)
        positions = np.array(self.positions, np.int64).reshape(-1, 2)
        self.collected, self.positions, self.size = [], [], 0
        return Block(offset, data, self.text.disk.tell(), cut, self.header, positions)


def as_json_list(cells: list[str]) -> bytes:
    """Return the cells of a row as JSON, with the source's own bytes where they are not UTF-8."""
    try:
        return orjson.dumps(cells)
    except TypeError:  # half surrogates
        return json.dumps(cells, ensure_ascii=False).encode("utf-8", "surrogateescape")
