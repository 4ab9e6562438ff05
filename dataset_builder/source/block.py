"""The first pass over one block of the catalogue: parse, clean, key, sketch. Blocks know nothing of each other.

The cleaned rows wait in an Arrow file of their own until every row has its split; only keys and counts are handed back.
"""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import xxhash

from dataset_builder.clean import BOILERPLATE, clean
from dataset_builder.duplicates.sketch import VALUES, measurable, sketch
from dataset_builder.source.json_lines import JsonLines
from dataset_builder.source.parse import Drop, Quarantine, drop_reason
from dataset_builder.source.readers import reader_named
from titlecraft.settings import Data

LOOKED_AT = 20  # lines of a block whose keys are noted
SCHEMA = pa.schema([("uid", pa.string()), ("title", pa.string()), ("content", pa.string())])


@dataclass(frozen=True)
class BlockTask:
    """A block of whole lines, where its rows go, and the settings that decide about them."""

    data: bytes
    rows_file: Path
    settings: Data
    format: str = JsonLines.name
    header: bytes = b""


class MalformedLine(NamedTuple):
    """A line that was quarantined: number in its block (from 0), offset and length in bytes, and what may be shown of it."""

    number: int
    offset: int
    length: int
    reason: Quarantine
    shown: dict[str, Any]


@dataclass
class BlockResult:
    """What was found in a block. `malformed` holds what was quarantined.

    `absent` counts the objects without title, content or uid by the column's name, and `columns` the keys of the block's
    first objects. For each row that was kept: keys of row, title and content (uint64), and its sketch (uint16 of shape (rows, 128), or of
    shape (rows, 0) where near-duplicates are not looked for), and whether sketches can compare it (bool).
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
    """64-bit key of a text up to case (xxh3): what counts as the same title or the same description."""
    folded = text.encode().lower() if text.isascii() else text.casefold().encode()  # the same for ASCII, and faster
    return xxhash.xxh3_64_intdigest(folded)


def read_block(task: BlockTask) -> BlockResult:
    """Every line is kept, dropped for a reason, or quarantined with its place."""
    found = BlockResult()
    reader = reader_named(task.format)
    parser = reader.parser(task.settings, task.header)
    parse = parser.parse
    uids, titles, contents = [], [], []
    lines = reader.lines(task.data)
    ended = not lines[-1]
    if ended:
        lines.pop()
    offset = 0
    for number, line in enumerate(lines):
        row = parse(line)
        if isinstance(row, Quarantine):
            text = line.removesuffix(b"\r")
            found.malformed.append(MalformedLine(number, offset, len(text), row, parser.published_part(text, row)))
        elif isinstance(row, Drop):
            found.dropped[row] += 1
        elif isinstance(kept := clean_row(row.title, row.content, task.settings, found.cleaned), Drop):
            found.dropped[kept] += 1
        else:
            uids.append(row.uid)
            titles.append(kept[0])
            contents.append(kept[1])
        offset += len(line) + 1
    found.lines, found.absent, found.columns = len(lines), parser.absent, parser.columns(lines[:LOOKED_AT])
    if not ended and found.malformed and found.malformed[-1].number == len(lines) - 1:
        found.last_line_is_cut = found.malformed[-1].reason in (Quarantine.NOT_JSON, Quarantine.NOT_UTF8)
    write_rows(task.rows_file, uids, titles, contents)
    digest = xxhash.xxh3_64_intdigest
    rows = (digest(f"{title}\0{content}".encode()) for title, content in zip(titles, contents, strict=True))
    found.keys = np.fromiter(rows, np.uint64, len(uids))
    found.titles = np.fromiter(map(text_key, titles), np.uint64, len(uids))
    found.contents = np.fromiter(map(text_key, contents), np.uint64, len(uids))
    wanted = task.settings.near_duplicates
    found.sketches = sketch(contents) if wanted else np.empty((len(uids), 0), np.uint16)
    found.measurable = measurable(contents) if wanted else np.zeros(len(uids), bool)
    assert found.sketches.shape == (len(uids), VALUES if wanted else 0)
    return found


def clean_row(title: str, content: str, settings: Data, cleaned: Counter[str]) -> tuple[str, str] | Drop:
    """The cleaned title and content, or why the row is not wanted."""
    if not title:
        return Drop.EMPTY_TITLE
    if not content:
        return Drop.EMPTY_CONTENT
    clean_title, clean_content = clean(title, cleaned), clean(content, cleaned)
    if clean_title and not clean_content:
        rules: Counter[str] = Counter()
        clean(content, rules)
        return Drop.BOILERPLATE_ONLY if BOILERPLATE & rules.keys() else Drop.EMPTY_CONTENT
    return drop_reason(clean_title, clean_content, settings) or (clean_title, clean_content)


def write_rows(path: Path, *columns: list[str]) -> None:
    """Write the kept rows of a block, 2,000 to a batch, so that reading them back needs little memory.

    Not compressed: they lie on disk for a minute, and packing and unpacking them takes longer.
    """
    table = pa.Table.from_arrays([pa.array(column, pa.string()) for column in columns], schema=SCHEMA)
    with pa.ipc.new_file(path, SCHEMA) as writer:
        writer.write_table(table, max_chunksize=2000)
