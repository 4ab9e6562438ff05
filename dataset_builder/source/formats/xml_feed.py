"""XML feeds: RSS and Atom as Google Merchant reads them, YML, and other lists of products.

A row is an element named by data.records, or the first of the usual names. Its columns are the elements inside, by their names
without namespaces, and its attributes. The parser of the standard library resolves no external entities, and its expat limits how
far entities expand.
"""

import re
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element, ParseError, XMLPullParser

import numpy as np
import orjson

from dataset_builder.source.files.addresses import shown
from dataset_builder.source.files.text import Text, open_text
from dataset_builder.source.json_parser import Parser
from dataset_builder.source.read_blocks import BLOCK_BYTES, Block
from dataset_builder.source.reader import Head
from titlecraft.errors import UserError
from titlecraft.settings import Data

ROW_NAMES = ("item", "entry", "product", "offer", "record", "row")
PIECE = 1 << 20


class XmlFeed:
    """The reader of XML feeds."""

    name = "XML"
    divisible = False

    def recognises(self, head: Head, settings: Data) -> bool:
        """Return whether the text is XML and no HTML page."""
        start = re.sub(r"^(?:<!--.*?-->\s*)+", "", head.start, flags=re.DOTALL)
        if head.is_json_lines or re.match(r"<!doctype html|<html|<head|<body", start, re.IGNORECASE):
            return False
        return bool(re.match(r"<\?xml|<!DOCTYPE\s|<[A-Za-z][\w:.-]*[\s>/]", start))

    def examine(self, head: Head, settings: Data) -> None:
        """Accept every file that `recognises` accepts; `blocks` finds out whether it has rows."""

    def blocks(self, address: str, settings: Data, start: int, end: int | None) -> Iterator[Block]:
        """Yield the rows as JSON objects. Raises UserError if the text is no XML, or has no element of the wanted name."""
        with open_text(address) as text:
            rows = Rows(text, address, settings.records)
            lines: list[bytes] = []
            size = 0
            for row in rows:
                lines.append(orjson.dumps(row))
                size += len(lines[-1])
                if size >= BLOCK_BYTES:
                    yield block_of(lines, text, "")
                    lines, size = [], 0
            if rows.name is None or not rows.count:
                wanted = f"no element {rows.name!r}" if rows.name else f"no element named {', '.join(ROW_NAMES)}"
                names = ", ".join(rows.names) or "none"
                raise UserError(
                    f"{shown(address)}: XML with {wanted}; there are {names}: set --data.records to the name of a product's element"
                )
            yield block_of(lines, text, text.cut or rows.cut)

    def parser(self, settings: Data, header: bytes) -> Parser:
        """Return a parser for one block."""
        return Parser(settings)


class Rows:
    """Iterates over the rows of a feed.

    `name` is that of a row's element, `names` are the first names in the text, `cut` says what is cut at its end.
    """

    def __init__(self, text: Text, address: str, name: str | None) -> None:
        self.text, self.address, self.name = text, address, name
        self.names: dict[str, None] = {}
        self.count, self.cut = 0, ""

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """Yield a dictionary for each row."""
        parser, depth = XMLPullParser(("start", "end")), 0
        open_elements: list[Element] = []
        events: Any
        while True:
            piece = self.text.read(PIECE)
            try:
                parser.feed(piece) if piece else parser.close()
                events = list(parser.read_events())
            except ParseError as error:
                events = list(parser.read_events()) if piece else []
                if piece:
                    raise UserError(
                        f"{shown(self.address)}: no well-formed XML behind row {self.count:,} ({error}); mend it, or export CSV"
                    ) from error
                self.cut = "the XML text is cut"
            for event, element in events:
                name = local(element.tag)
                if event == "start":
                    if len(self.names) < 20:
                        self.names[name] = None
                    if self.name is None and name in ROW_NAMES:
                        self.name = name
                    if name == self.name and not depth:
                        depth = len(open_elements) + 1
                    open_elements.append(element)
                    continue
                open_elements.pop()
                if depth and len(open_elements) + 1 == depth:
                    self.count, depth = self.count + 1, 0
                    yield columns_of(element)
                if not depth and open_elements:
                    open_elements[-1].remove(element)  # a feed may be larger than the memory
            if not piece:
                return


def local(tag: str) -> str:
    """Return the name of an element without its namespace."""
    return tag.rpartition("}")[2]


def columns_of(element: Element) -> dict[str, Any]:
    """Return the columns of a row: its attributes, and the elements inside; those of one name as a list.

    Of elements with one name in several namespaces (`title`, `g:title`) those without a namespace count, else the first.
    """
    columns: dict[str, Any] = {local(name): value for name, value in element.attrib.items()}
    tags: dict[str, str] = {}
    for inside in element:
        name = local(inside.tag)
        if name not in tags or (tags[name] != inside.tag and "}" not in inside.tag):
            tags[name], columns[name] = inside.tag, value_of(inside)
        elif tags[name] == inside.tag:
            before = columns[name]
            columns[name] = [*(before if isinstance(before, list) else [before]), value_of(inside)]
    return columns


def value_of(element: Element) -> Any:
    """Return the text of an element with its markup's text; of one with elements and no text of its own their columns."""
    own = [element.text, *(inside.tail for inside in element)]
    if len(element) and not any(text and text.strip() for text in own):
        return columns_of(element)
    return "".join(element.itertext())


def block_of(lines: list[bytes], text: Text, cut: str) -> Block:
    """Return a block of these rows, which have no position in bytes."""
    positions = np.full((len(lines), 2), -1, np.int64)
    return Block(0, b"".join(line + b"\n" for line in lines), text.disk.tell(), cut, positions=positions)
