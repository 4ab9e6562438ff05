"""The first pass over one block of the catalogue: parse, clean, hash, sketch. Blocks are independent of each other.

The cleaned rows are written to an Arrow file for the second pass; keys and counts are returned.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from dataset_builder.cleaning.clean import BOILERPLATE, clean
from dataset_builder.cleaning.columns import clean_all
from dataset_builder.duplicates.sketch import VALUES, measurable, sketch
from dataset_builder.filters.table import first_match
from dataset_builder.source.arrays import text_array
from dataset_builder.source.formats.json_lines import JsonLines
from dataset_builder.source.parse import Drop, Quarantine, Row, drop_reason
from dataset_builder.source.readers import reader_named
from titlecraft.settings import Data

SAMPLED_LINES = 20  # lines of a block whose keys are counted


@dataclass(frozen=True)
class BlockTask:
    """A block of whole lines, the file that its rows are written to, and the settings."""

    data: bytes
    rows_file: Path
    settings: Data
    format: str = JsonLines.name
    header: bytes = b""
    positions: np.ndarray | None = None


class MalformedLine(NamedTuple):
    """A quarantined line: number in its block (from 0), offset and length in bytes, and the columns that may be published.

    The offset counts from the beginning of the block or, if the block has `positions`, of the text; it is negative where the
    format has no positions. `raw` is the source text.
    """

    number: int
    offset: int
    length: int
    reason: Quarantine
    shown: dict[str, Any]
    raw: str


@dataclass
class BlockResult:
    """Counts, quarantined lines and keys of one block.

    Args:
        malformed: the quarantined lines.
        absent: number of objects without title, content or uid, by the name of the column.
        columns: keys of the block's first objects, with the number of objects that have each.
        keys, titles, contents: keys (uint64) of each kept row, of its title and of its description.
        sketches: uint16 of shape (rows, 128), or (rows, 0) if near-duplicates are not searched for.
        measurable: whether sketches can compare the row (bool).
    """

    lines: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    cleaned: Counter[str] = field(default_factory=Counter)
    malformed: list[MalformedLine] = field(default_factory=list)
    absent: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    last_line_is_cut: bool = False
    keys: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    titles: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    contents: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    sketches: np.ndarray = field(default_factory=lambda: np.empty((0, 0), np.uint16))
    measurable: np.ndarray = field(default_factory=lambda: np.empty(0, bool))


def text_key(text: str) -> int:
    """Return the xxh3 64-bit hash of a text, case ignored; equal keys count as the same title or description."""
    return key_of(text, text.encode())


def key_of(text: str, encoded: bytes) -> int:
    """Return the key of a text whose UTF-8 is known."""
    folded = encoded.lower() if text.isascii() else text.casefold().encode()  # the same for ASCII, and faster
    return xxhash.xxh3_64_intdigest(folded)


def read_block(task: BlockTask) -> BlockResult:
    """Parse and clean every line of a block: keep it, drop it for a reason, or quarantine it with its position."""
    result = BlockResult()
    reader = reader_named(task.format)
    parser = reader.parser(task.settings, task.header)
    parse = parser.parse
    lines = task.data.split(b"\n")
    ended = not lines[-1]
    if ended:
        lines.pop()
    offset = 0
    parsed: list[Row] = []
    for number, line in enumerate(lines):
        row = parse(line)
        if isinstance(row, Row):
            parsed.append(row)
        elif isinstance(row, Drop):
            result.dropped[row] += 1
        else:
            text = line.removesuffix(b"\r")
            begin, length = (offset, len(text)) if task.positions is None else map(int, task.positions[number])
            shown, raw = parser.published_part(text, row), parser.source_text(text)
            result.malformed.append(MalformedLine(number, begin, length, row, shown, raw))
        offset += len(line) + 1
    uids, titles, contents, *kept_columns = kept_rows(parsed, task.settings, result)
    result.lines, result.absent, result.columns = len(lines), parser.absent, parser.columns(lines[:SAMPLED_LINES])
    if not ended and result.malformed and result.malformed[-1].number == len(lines) - 1:
        result.last_line_is_cut = result.malformed[-1].reason in (Quarantine.NOT_JSON, Quarantine.NOT_UTF8)
    columns = [[text.encode() for text in column] for column in (uids, titles, contents, *kept_columns)]
    write_rows(task.rows_file, rows_schema(task.settings), *map(text_array, columns))
    digest = xxhash.xxh3_64_intdigest
    rows = (digest(b"%b\0%b" % row) for row in zip(columns[1], columns[2], strict=True))
    result.keys = np.fromiter(rows, np.uint64, len(uids))
    result.titles = np.fromiter(map(key_of, titles, columns[1]), np.uint64, len(uids))
    result.contents = np.fromiter(map(key_of, contents, columns[2]), np.uint64, len(uids))
    wanted = bool(task.settings.near_duplicates)
    result.sketches = sketch(contents) if wanted else np.empty((len(uids), 0), np.uint16)
    result.measurable = measurable(contents) if wanted else np.zeros(len(uids), bool)
    assert result.sketches.shape == (len(uids), VALUES if wanted else 0)
    return result


def kept_rows(rows: list[Row], settings: Data, result: BlockResult) -> list[list[str]]:
    """Return the cleaned columns of the rows that are kept; count dropped rows and the rules of cleaning in `result`."""
    for row in rows:
        if not row.title or not row.content:
            result.dropped[Drop.EMPTY_CONTENT if row.title else Drop.EMPTY_TITLE] += 1
    rows = [row for row in rows if row.title and row.content]
    titles = clean_all([row.title for row in rows], result.cleaned)
    contents = clean_all([row.content for row in rows], result.cleaned, settings.structure == "lines")
    kept: list[int] = []
    for number, row in enumerate(rows):
        if (reason := why_dropped(row.content, titles[number], contents[number], settings)) is None:
            kept.append(number)
        else:
            result.dropped[reason] += 1
    columns = [[rows[number].uid for number in kept], [titles[number] for number in kept]]
    columns.append([contents[number] for number in kept])
    for index in range(len(settings.keep_columns)):
        columns.append(clean_all([rows[number].kept[index] for number in kept], result.cleaned))
    return columns


def clean_row(title: str, content: str, settings: Data, cleaned: Counter[str]) -> tuple[str, str] | Drop:
    """Return the cleaned title and content, or the reason why the row is dropped."""
    if not title:
        return Drop.EMPTY_TITLE
    if not content:
        return Drop.EMPTY_CONTENT
    clean_title, clean_content = clean(title, cleaned), clean(content, cleaned, settings.structure == "lines")
    return why_dropped(content, clean_title, clean_content, settings) or (clean_title, clean_content)


def why_dropped(content: str, clean_title: str, clean_content: str, settings: Data) -> Drop | None:
    """Return the reason why a row with this description, before and after cleaning, is dropped; None if it is kept."""
    if clean_title and not clean_content:
        rules: Counter[str] = Counter()
        clean(content, rules, settings.structure == "lines")
        return Drop.BOILERPLATE_ONLY if BOILERPLATE & rules.keys() else Drop.EMPTY_CONTENT
    reason = drop_reason(clean_title, clean_content, settings)
    if reason is None and settings.filters and (found := first_match(clean_title, clean_content, settings.filters)):
        return Drop(found)
    return reason


def rows_schema(settings: Data) -> pa.Schema:
    """Return the schema of the cleaned rows: identifier, title, description, and data.keep_columns."""
    return pa.schema([(name, pa.string()) for name in ("uid", "title", "content", *settings.keep_columns)])


def write_rows(path: Path, schema: pa.Schema, *columns: pa.Array) -> None:
    """Write the kept rows of a block in batches of 2,000, so that reading them back needs little memory.

    The file is not compressed: it exists for a minute, and compression would take longer than it saves.
    """
    table = pa.Table.from_arrays(list(columns), schema=schema)
    with pa.ipc.new_file(path, schema) as writer:
        writer.write_table(table, max_chunksize=2000)
