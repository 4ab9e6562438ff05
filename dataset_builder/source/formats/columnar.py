"""Parquet, and Arrow files (Feather) and streams. Only the configured columns are read."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builder.source.columns import as_json, configured_names
from dataset_builder.source.files.addresses import shown
from dataset_builder.source.files.catalogue import in_one_line, open_file
from dataset_builder.source.json_parser import Parser
from dataset_builder.source.read_blocks import BLOCK_BYTES, Block
from dataset_builder.source.reader import Head
from titlecraft.errors import UserError
from titlecraft.settings import Data

PARQUET, ARROW_FILE, ARROW_STREAM = b"PAR1", b"ARROW1", b"\xff\xff\xff\xff"
ROWS = 2_000  # of a batch


class Columnar:
    """The reader of Parquet and Arrow."""

    name = "Parquet or Arrow"
    divisible = False

    def recognises(self, head: Head, settings: Data) -> bool:
        """Return whether the file begins like one of these formats."""
        return head.data.startswith((PARQUET, ARROW_FILE, ARROW_STREAM))

    def examine(self, head: Head, settings: Data) -> None:
        """Raise UserError if the file is compressed as a whole, since its parts cannot be found then, or is damaged."""
        if head.compression:
            raise UserError(
                f"{head.shown}: found Parquet or Arrow inside of {head.compression}: unpack it; these formats compress themselves"
            )
        with opened(head.address) as file:
            schema_of(file)

    def blocks(self, address: str, settings: Data, start: int, end: int | None) -> Iterator[Block]:
        """Yield the rows as JSON objects of the configured columns."""
        with opened(address) as file:
            schema = schema_of(file)
            names = [name for name in configured_names(settings) if name in schema.names]
            names += [name.partition(".")[0] for name in configured_names(settings) if name not in schema.names]
            chosen = [name for name in dict.fromkeys(names) if name in schema.names]
            header = orjson.dumps(column_names(schema))
            lines: list[bytes] = []
            size = 0
            for batch in batches(file, chosen):
                for row in rows_of(batch):
                    lines.append(as_line(row))
                    size += len(lines[-1])
                if size >= BLOCK_BYTES:
                    yield block_of(lines, header)
                    lines, size = [], 0
            yield block_of(lines, header)

    def parser(self, settings: Data, header: bytes) -> "ColumnarParser":
        """Return a parser for one block; the header is a JSON list of the names of all columns."""
        return ColumnarParser(settings, orjson.loads(header))


class ColumnarParser(Parser):
    """Parses rows, and knows the columns that were not read."""

    def __init__(self, settings: Data, header: list[str]) -> None:
        super().__init__(settings)
        self.header = header

    def columns(self, lines: list[bytes]) -> Counter[str]:
        """Return all columns of the file, for each of these lines."""
        return Counter(dict.fromkeys(self.header, len(lines)))


@contextmanager
def opened(address: str) -> Iterator[pq.ParquetFile | pa.RecordBatchReader]:
    """Open a file of these formats. Raises UserError if it is damaged."""
    try:
        with open_file(address) as disk:
            magic = disk.read(len(ARROW_FILE))
            disk.seek(0)
            if magic.startswith(PARQUET):
                yield pq.ParquetFile(disk)
            elif magic == ARROW_FILE:
                yield pa.ipc.open_file(disk)
            else:
                yield pa.ipc.open_stream(disk)
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise
        raise UserError(
            f"{shown(address)}: the file is cut or damaged ({in_one_line(error, address)}); fetch it again"
        ) from error


def schema_of(file: Any) -> pa.Schema:
    """Return the schema of an open file."""
    return file.schema_arrow if isinstance(file, pq.ParquetFile) else file.schema


def column_names(schema: pa.Schema) -> list[str]:
    """Return the names of the columns, and the dotted paths of those that have columns inside."""
    names = []
    for field in schema:
        inside = [f"{field.name}.{child.name}" for child in field.type] if pa.types.is_struct(field.type) else []
        names += inside or [field.name]
    return names


def batches(file: Any, names: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the rows of some columns in batches of ROWS."""
    if isinstance(file, pq.ParquetFile):
        # without a column, rows have no number in a batch; one is read for their count
        yield from file.iter_batches(ROWS, columns=names or file.schema_arrow.names[:1])
        return
    whole = (file.get_batch(index) for index in range(file.num_record_batches)) if hasattr(file, "get_batch") else file
    for batch in whole:
        chosen = batch.select(names or batch.schema.names[:1])
        for start in range(0, len(chosen), ROWS):
            yield chosen.slice(start, ROWS)


def rows_of(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the rows of a batch; text that is not UTF-8 has half surrogates (PEP 383)."""
    try:
        return batch.to_pylist()
    except UnicodeDecodeError:
        columns = [column.cast(pa.binary()) if is_text(column.type) else column for column in batch.columns]
        rows = pa.RecordBatch.from_arrays(columns, names=batch.schema.names).to_pylist()
        return [{name: decoded(value) for name, value in row.items()} for row in rows]


def is_text(kind: pa.DataType) -> bool:
    """Return whether values of a column are text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def decoded(value: Any) -> Any:
    """Return bytes as text."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def as_line(row: dict[str, Any]) -> bytes:
    """Return a row as JSON; numbers that JSON does not have are null, dates and the like text."""
    try:
        return orjson.dumps(row, default=str)
    except TypeError:  # half surrogates, integers beyond 64 bits
        plain = {
            name: value if isinstance(value, str | int | None) else json.loads(as_json(value))
            for name, value in row.items()
        }
        return json.dumps(plain, ensure_ascii=False).encode("utf-8", "surrogateescape")


def block_of(lines: list[bytes], header: bytes) -> Block:
    """Return a block of these rows, which have no position in bytes."""
    positions = np.full((len(lines), 2), -1, np.int64)
    return Block(0, b"".join(line + b"\n" for line in lines), 0, "", header, positions)
