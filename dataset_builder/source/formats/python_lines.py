"""Python dictionaries, one a line, such as Amazon's product metadata of 2014. They are parsed as literals and never evaluated."""

import ast
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

from dataset_builder.source.columns import Columns
from dataset_builder.source.json_parser import names_in
from dataset_builder.source.parse import READABLE, Drop, Quarantine, Row
from dataset_builder.source.read_blocks import Block, read_blocks
from dataset_builder.source.reader import Head
from titlecraft.settings import Data


class PythonLines:
    """The reader of Python dictionaries, one a line."""

    name = "Python dictionaries"
    divisible = True

    def recognises(self, head: Head, settings: Data) -> bool:
        """Return whether the first line is a Python dictionary, and the lines are not JSON."""
        begins = not head.is_json_lines and re.match(r"\{\s*u?'", head.start)
        return bool(begins and head.lines and isinstance(literal(head.lines[0].strip()), dict))

    def examine(self, head: Head, settings: Data) -> None:
        """Accept every file that `recognises` accepts."""

    def blocks(self, address: str, settings: Data, start: int, end: int | None) -> Iterator[Block]:
        """Yield blocks of whole lines."""
        return read_blocks(address, start, end)

    def parser(self, settings: Data, header: bytes) -> "PythonParser":
        """Return a parser for one block."""
        return PythonParser(settings)


class PythonParser:
    """Parses lines of Python source: a dictionary of plain values."""

    def __init__(self, settings: Data) -> None:
        self.columns_of = Columns(settings)
        self.absent = self.columns_of.absent

    def parse(self, line: bytes) -> Row | Drop | Quarantine:
        """Return the row of a line, or the reason why it has none."""
        if not line.strip():
            return Drop.BLANK_LINE
        try:
            text = line.decode("utf-8").strip()
        except UnicodeDecodeError:
            return Quarantine.NOT_UTF8
        value = literal(text)
        if not isinstance(value, dict):
            return Quarantine.NOT_PYTHON
        if has_key_twice(text, self.columns_of.names):
            return Quarantine.DUPLICATE_KEY
        row = self.columns_of.row(value)
        return Quarantine.LONE_SURROGATE if isinstance(row, Row) and not is_encodable(row) else row

    def published_part(self, line: bytes, reason: Quarantine) -> dict[str, Any]:
        """Return the configured columns of a quarantined line; empty if the line cannot be read."""
        return self.columns_of.published_part(literal(line.decode().strip())) if reason in READABLE else {}

    def source_text(self, line: bytes) -> str:
        """Return a line as text; bytes that are not UTF-8 as `\\xff`."""
        return line.decode("utf-8", "backslashreplace")

    def columns(self, lines: list[bytes]) -> Counter[str]:
        """Count how many of these lines have each key."""
        values = (literal(line.decode("utf-8", "replace").strip()) for line in lines)
        return Counter(name for value in values if isinstance(value, dict) for name in names_in(value))


def literal(text: str) -> Any:
    """Return the plain value that a text of Python source denotes; None if it denotes none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about backslashes such as `\\d`, which stay
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None


def has_key_twice(text: str, names: list[str]) -> bool:
    """Return whether a dictionary's source gives one of these keys twice."""
    if all(text.count(name) < 2 for name in names):
        return False
    body = ast.parse(text, mode="eval").body
    keys = [key.value for key in body.keys if isinstance(key, ast.Constant)] if isinstance(body, ast.Dict) else []
    return any(keys.count(name) > 1 for name in names)


def is_encodable(row: Row) -> bool:
    """Return whether a row's texts can be written as UTF-8."""
    try:
        "".join((row.uid, row.title, row.content, *row.kept)).encode()
    except UnicodeEncodeError:
        return False
    return True
