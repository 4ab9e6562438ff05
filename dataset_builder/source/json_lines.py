"""JSON lines: one object a line, plain or gzip."""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import orjson

from dataset_builder.source.foreign_formats import require_json_lines
from dataset_builder.source.parse import Parser
from dataset_builder.source.read_blocks import Block, read_blocks
from titlecraft.settings import Data


class JsonLinesParser(Parser):
    """Parses lines, and counts the columns of some of them."""

    def columns(self, lines: list[bytes]) -> Counter[str]:
        """Count how many of these lines are objects with each key."""
        keys: Counter[str] = Counter()
        for line in lines:
            with suppress(orjson.JSONDecodeError):
                value = orjson.loads(line)
                keys.update(list(value) if isinstance(value, dict) else [])
        return keys


class JsonLines:
    """The reader of JSON lines."""

    name = "JSON lines"
    divisible = True

    def recognises(self, head: bytes, address: str) -> bool:
        """Return True: this is the format of every file that no other reader recognises."""
        return True

    def examine(self, head: bytes, address: str, whole: bool) -> None:
        """Raise UserError if the file has another format; the message says which, and how to convert it."""
        require_json_lines(head, address, whole)

    def blocks(self, address: str, start: int, end: int | None) -> Iterator[Block]:
        """Yield blocks of whole lines."""
        return read_blocks(address, start, end)

    def lines(self, data: bytes) -> list[bytes]:
        """Return what stands between the newlines of a block."""
        return data.split(b"\n")

    def parser(self, settings: Data, header: bytes) -> JsonLinesParser:
        """Return a parser for one block."""
        return JsonLinesParser(settings)
