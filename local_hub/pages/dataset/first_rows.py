"""The first rows of a table in a repo: Parquet (only the first pages are read), JSON lines, JSON, CSV, TSV."""

import csv
import io
import json
import re
import time
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO, Any

from local_hub.errors import EntryNotFound
from local_hub.repos.entry import Entry
from local_hub.repos.repository import Repository
from local_hub.untrusted.bounded import TooMuch, bounded
from local_hub.untrusted.data import read_json

# bytes of a text file that are read for its first rows, and the largest file whose rows are counted
_HEAD_BYTES = 2 * 2**20
_MAX_COUNTED_BYTES = 64 * 2**20
_MAX_COUNTED_FILES = 64
_MAX_GIT_BYTES = 16 * 2**20  # of a regular (non-LFS) file
_SECONDS_OF_COUNTING = 2.0
_MAX_CELL_CHARACTERS, _MIN_CELL_CHARACTERS = 20_000, 100
# limits of one page
_MAX_COLUMNS = 200
_MAX_NAME_CHARACTERS = 200
_MAX_CHARACTERS = 1_000_000


class UnreadableTable(Exception):
    """A file cannot be shown as a table; the message is the reason."""


@dataclass(frozen=True)
class Cell:
    """A value as text. `kind` is null, number, text or other; `cut` is True if the text was truncated."""

    text: str
    kind: str = "text"
    cut: bool = False


@dataclass(frozen=True)
class Table:
    """The first rows of a table. `total` is None if counting would take too long."""

    columns: list[tuple[str, str]]  # name, type
    rows: list[list[Cell]]
    total: int | None
    files: list[str] = field(default_factory=list)
    hidden_columns: int = 0


def first_rows(repo: Repository, files: list[Entry], most: int) -> Table:
    """The first `most` rows of a split, over its files in order. Raises UnreadableTable."""
    heads = []
    stop_at = time.monotonic() + _SECONDS_OF_COUNTING
    rows: list[list[Cell]] = []
    for number, file in enumerate(files):
        if len(rows) >= most and (number >= _MAX_COUNTED_FILES or time.monotonic() > stop_at):
            break
        # files without shown rows are read for their number of rows
        heads.append(_head(repo, file, most - len(rows)))
        rows += heads[-1].rows
    totals = [head.total for head in heads]
    total = None if None in totals or len(heads) < len(files) else sum(filter(None, totals))
    return Table(heads[0].columns, rows, total, [file.path for file in files], heads[0].hidden_columns)


def row_count(repo: Repository, files: list[Entry]) -> int | None:
    """The number of rows of Parquet files, from their footers; None for other files."""
    if not all(file.path.endswith(".parquet") for file in files):
        return None
    try:
        return first_rows(repo, files, 0).total
    except UnreadableTable:
        return None


def _head(repo: Repository, file: Entry, most: int) -> Table:
    suffix = PurePosixPath(file.path).suffix.lower()
    if suffix not in _READERS:
        raise UnreadableTable(f"{file.path}: no preview for this kind of file")
    if file.lfs is None and file.size > _MAX_GIT_BYTES:
        raise UnreadableTable(f"{file.path} is too large to show as a table here")
    try:
        content = str(repo.lfs_file(file)) if file.lfs else repo.objects.blob(file.oid)
        return bounded(read_head, file.path, suffix, content, file.size, most)
    except EntryNotFound as error:
        raise UnreadableTable(error.message) from error
    except TooMuch as error:
        raise UnreadableTable(f"{file.path} is too large to show as a table here") from error


def read_head(path: str, suffix: str, content: bytes | str, size: int, most: int) -> Table:
    """The first `most` rows of one file, given as bytes or as a path. Raises UnreadableTable, which names `path`.

    Runs in `bounded`: the decompressed size has no limit here.
    """
    import pyarrow

    try:
        with Path(content).open("rb") if isinstance(content, str) else io.BytesIO(content) as opened:
            return _shortened(_READERS[suffix](opened, size, most))
    except pyarrow.ArrowMemoryError:
        raise MemoryError from None
    except (pyarrow.ArrowException, OSError, ValueError, KeyError, csv.Error) as error:
        reason = " ".join(str(error).split())[:300]
        raise UnreadableTable(f"{path} cannot be read as a table: {reason}") from error


def _shortened(table: Table) -> Table:
    """The table within the limits of a page: at most _MAX_COLUMNS columns, long cells truncated."""
    columns = [(name[:_MAX_NAME_CHARACTERS], kind[:_MAX_NAME_CHARACTERS]) for name, kind in table.columns]
    rows, left = [], _MAX_CHARACTERS
    for row in table.rows:
        rows.append([])
        for cell in row[:_MAX_COLUMNS]:
            most = max(_MIN_CELL_CHARACTERS, min(_MAX_CELL_CHARACTERS, left))
            rows[-1].append(Cell(cell.text[:most], cell.kind, cell.cut or len(cell.text) > most))
            left -= len(cell.text)
    return Table(columns[:_MAX_COLUMNS], rows, table.total, hidden_columns=max(0, len(columns) - _MAX_COLUMNS))


def _parquet(content: IO[bytes], size: int, most: int) -> Table:
    import pyarrow.parquet

    # without pre_buffer and with a buffer, only the first pages of each column are read, not the whole row group
    table = pyarrow.parquet.ParquetFile(content, pre_buffer=False, buffer_size=64 * 1024)
    columns = [(name, str(kind)) for name, kind in zip(table.schema_arrow.names, table.schema_arrow.types, strict=True)]
    rows: list[list[Cell]] = []
    if most and table.metadata.num_rows:
        names = table.schema_arrow.names
        shown = names[:_MAX_COLUMNS] if len(names) > _MAX_COLUMNS else None
        batch = next(table.iter_batches(batch_size=most, columns=shown, use_threads=False))
        rows = [[_cell(value) for value in row] for row in zip(*(column.to_pylist() for column in batch), strict=True)]
    return Table(columns, rows[:most], table.metadata.num_rows)


def _json_lines(content: IO[bytes], size: int, most: int) -> Table:
    head = content.read(_HEAD_BYTES)
    lines = head.splitlines() if len(head) == size else head.splitlines()[:-1]
    if size and not lines:
        raise ValueError(f"its first line is longer than {_HEAD_BYTES} bytes")
    objects = [read_json(line) for line in islice(filter(bytes.strip, lines), most or 1)]
    total = head.count(b"\n") + (not head.endswith(b"\n") and len(head) == size > 0)
    if size <= _MAX_COUNTED_BYTES:
        while block := content.read(4 * 2**20):
            total += block.count(b"\n")
    return _table_of(objects, most, total if size <= _MAX_COUNTED_BYTES else None)


def _json(content: IO[bytes], size: int, most: int) -> Table:
    if size > _MAX_COUNTED_BYTES // 4:
        raise ValueError("it is one JSON value of more than 16 MB")
    value = read_json(content.read() or b"[]")
    if not isinstance(value, list):
        raise ValueError("it is not a list of objects")
    return _table_of(value[: most or 1], most, len(value))


def _table_of(objects: list[Any], most: int, total: int | None) -> Table:
    if not all(isinstance(item, dict) for item in objects):
        raise ValueError("its rows are not objects")
    kinds: dict[str, str] = {}
    for item in objects:
        for name, value in item.items():
            if kinds.get(str(name), "null") == "null":
                kinds[str(name)] = _json_type(value)
    rows = [[_cell(item.get(name)) for name in kinds] for item in objects[:most]]
    return Table(list(kinds.items()), rows, total)


def _json_type(value: Any) -> str:
    names = {str: "string", bool: "bool", int: "int64", float: "double", list: "list", dict: "struct"}
    return names.get(type(value), "null")


def _separated(delimiter: str) -> Any:
    def read(content: IO[bytes], size: int, most: int) -> Table:
        head = content.read(_HEAD_BYTES).decode("utf-8-sig", errors="replace")
        reader = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
        names = next(reader, [])
        lines = list(islice(reader, most)) if size > _HEAD_BYTES else list(reader)
        columns = [
            (name, _csv_type([line[i] for line in lines[:most] if i < len(line)])) for i, name in enumerate(names)
        ]
        rows = [[_cell(value) for value in line] for line in lines[:most]]
        return Table(columns, rows, None if size > _HEAD_BYTES else sum(1 for line in lines if line))

    return read


def _csv_type(values: list[str]) -> str:
    if values and all(re.fullmatch(r"-?\d+", value) for value in values):
        return "int64"
    return (
        "double"
        if values and all(re.fullmatch(r"-?\d+(\.\d*)?([eE][+-]?\d+)?", value) for value in values)
        else "string"
    )


def _cell(value: Any) -> Cell:
    if value is None:
        return Cell("null", "null")
    if isinstance(value, bool | int | float):
        return Cell(str(value), "number")
    if isinstance(value, bytes):
        return Cell(f"{len(value):,} bytes", "other")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_short)
    return Cell(
        text[:_MAX_CELL_CHARACTERS], "text" if isinstance(value, str) else "other", len(text) > _MAX_CELL_CHARACTERS
    )


def _short(value: Any) -> str:
    return f"{len(value):,} bytes" if isinstance(value, bytes) else str(value)


_READERS = {
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".json": _json,
    ".csv": _separated(","),
    ".tsv": _separated("\t"),
}
