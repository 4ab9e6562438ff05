"""JSON lines: one object a line, plain or compressed."""

from collections.abc import Iterator

from dataset_builder.source.formats.foreign_formats import require_json_lines
from dataset_builder.source.json_parser import Parser
from dataset_builder.source.read_blocks import Block, read_blocks
from dataset_builder.source.reader import Head
from titlecraft.settings import Data


class JsonLines:
    """The reader of JSON lines."""

    name = "JSON lines"
    divisible = True

    def recognises(self, head: Head, settings: Data) -> bool:
        """Return True: this is the format of every file that no other reader recognises."""
        return True

    def examine(self, head: Head, settings: Data) -> None:
        """Raise UserError if the file has a format that no reader reads; the message says which."""
        require_json_lines(head)

    def blocks(self, address: str, settings: Data, start: int, end: int | None) -> Iterator[Block]:
        """Yield blocks of whole lines."""
        return read_blocks(address, start, end)

    def parser(self, settings: Data, header: bytes) -> Parser:
        """Return a parser for one block."""
        return Parser(settings)
