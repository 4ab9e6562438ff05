"""JSON that is not one object a line: an array, an object with the rows in a list, objects over several lines or in one line.

The text is split into elements in one pass over pieces of it, so that memory does not grow with the file.
"""

import re
from collections.abc import Iterator

import numpy as np

from dataset_builder.source.files.addresses import shown
from dataset_builder.source.files.text import BYTE_ORDER_MARK, open_text
from dataset_builder.source.formats.json_beginning import end_of_value, first_value, wrapped_rows
from dataset_builder.source.formats.json_elements import Element, Elements
from dataset_builder.source.json_parser import Parser
from dataset_builder.source.read_blocks import BLOCK_BYTES, Block
from dataset_builder.source.reader import Head, is_object
from titlecraft.errors import UserError
from titlecraft.settings import Data

LONGEST_ELEMENT = 64 << 20  # bytes; a longer one has brackets or quotes that do not match


class JsonDocuments:
    """The reader of JSON arrays, of lists inside objects, and of objects that do not stand one a line."""

    name = "JSON"
    divisible = False

    def recognises(self, head: Head, settings: Data) -> bool:
        """Return whether the text is JSON and not JSON lines."""
        if not head.start.startswith(("{", "[")):
            return False
        if settings.records is not None or wrapped_rows(head):
            return True
        return not head.is_json_lines and (is_array(head) or are_objects(head))

    def examine(self, head: Head, settings: Data) -> None:
        """Raise UserError if the rows are in a list inside an object, and data.records does not name it."""
        if settings.records is None and (name := wrapped_rows(head)):
            raise UserError(
                f"{head.shown}: one JSON object with the rows in a list under {name!r}: set --data.records={name}"
            )

    def blocks(self, address: str, settings: Data, start: int, end: int | None) -> Iterator[Block]:
        """Yield the elements, one a line; their own line breaks, which stand between tokens, become carriage returns."""
        with open_text(address, encoding=settings.encoding) as text:
            head = text.read(BLOCK_BYTES)
            skipped = len(BYTE_ORDER_MARK) if head.startswith(BYTE_ORDER_MARK) else 0
            elements = Elements(settings.records, skipped)
            piece, count = head[skipped:], 0
            while True:
                final = not piece
                found = list(elements.feed(piece, final))
                count += len(found)
                if len(elements.rest) > LONGEST_ELEMENT:
                    raise UserError(
                        f"{shown(address)}: row {count + 1:,}, which begins at byte {elements.offset:,}, has no end within "
                        f"{LONGEST_ELEMENT >> 20} MB: its brackets or quotes do not match; mend it, or export JSON lines"
                    )
                if final and settings.records is not None and not elements.found:
                    lists = ", ".join(map(repr, dict.fromkeys(elements.lists))) or "none"
                    raise UserError(
                        f"{shown(address)}: no list under data.records {settings.records!r}; there are lists under: {lists}"
                    )
                if found or final:
                    cut = text.cut or ("the JSON text is cut" if final and elements.is_cut else "")
                    yield block_of(found, elements.offset, text.disk.tell(), cut)
                if final:
                    return
                piece = text.read(BLOCK_BYTES)

    def parser(self, settings: Data, header: bytes) -> Parser:
        """Return a parser for one block."""
        return Parser(settings)


def block_of(found: list[Element], offset: int, consumed: int, cut: str) -> Block:
    """Return a block of these elements, with their positions in the file."""
    data = b"".join(element.text.replace(b"\n", b"\r") + b"\n" for element in found)
    positions = np.array([(element.offset, len(element.text)) for element in found], np.int64).reshape(-1, 2)
    return Block(found[0].offset if found else offset, data, consumed, cut, positions=positions)


def is_array(head: Head) -> bool:
    """Return whether the text is a JSON array; lists, one a line, are none."""
    if len(head.lines) > 1 and all(isinstance(first_value(line), list) for line in head.lines[:2]):
        return False
    return bool(re.match(r"\[\s*[\[{\"]", head.start) or re.match(r"\[\s*\]\s*$", head.start))


def are_objects(head: Head) -> bool:
    """Return whether the text is objects over several lines, with commas or nothing between them, or line ends of CR alone."""
    if not head.start.startswith("{"):
        return False
    if "\r" in head.start and "\n" not in head.start.rstrip():
        return True
    if head.lines and head.lines[0].rstrip().endswith(",") and is_object(head.lines[0].rstrip().rstrip(",")):
        return True
    if head.lines and head.lines[0].strip() == "{":
        return True
    end = end_of_value(head.start)
    return "\n" in head.start[:end] or bool(end and head.start[end:].lstrip(" \t").startswith("{"))
