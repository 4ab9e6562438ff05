"""Parses the rows of a table, which are handed on as JSON lists of their cells."""

from collections import Counter
from typing import Any

import orjson

from dataset_builder.source.columns import Columns
from dataset_builder.source.json_parser import why_not_json
from dataset_builder.source.parse import READABLE, Drop, Quarantine, Row
from titlecraft.settings import Data

BROKEN = b"!"  # in front of a line whose quotes are not those of the format


class RowParser:
    """Parses the JSON list of a row's cells."""

    def __init__(self, settings: Data, header: list[str]) -> None:
        self.header = header
        self.columns_of = Columns(settings)
        self.absent: Counter[str] = self.columns_of.absent

    def parse(self, line: bytes) -> Row | Drop | Quarantine:
        """Return the row of a line, or the reason why it has none."""
        if line.startswith(BROKEN):
            return Quarantine.NOT_QUOTED
        try:
            cells = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return why_not_json(line, error)
        if len(cells) != len(self.header):
            if not any(cells):
                return Drop.BLANK_LINE
            if len(cells) < len(self.header) or any(cells[len(self.header) :]):
                return Quarantine.CELL_COUNT
            cells = cells[: len(self.header)]  # a delimiter at the end of each row, but not of the header
        return self.columns_of.row(dict(zip(self.header, cells, strict=True)))

    def published_part(self, line: bytes, reason: Quarantine) -> dict[str, Any]:
        """Return the configured columns of a quarantined row; empty if it cannot be read."""
        if reason not in READABLE:
            return {}
        return self.columns_of.published_part(dict(zip(self.header, orjson.loads(line), strict=False)))

    def source_text(self, line: bytes) -> str:
        """Return a line as text: a JSON list of the cells, or the source line where quotes are misplaced."""
        return line.removeprefix(BROKEN).decode("utf-8", "backslashreplace")

    def columns(self, lines: list[bytes]) -> Counter[str]:
        """Return the columns of the header, for each of these lines."""
        return Counter(dict.fromkeys(self.header, len(lines)))
