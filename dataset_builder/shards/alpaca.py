"""Converts rows to the published columns (Alpaca, Taori et al. 2023) and writes them as parquet, as the Hub recommends.

Compression is zstd; files have a page index, row groups of at most 64 MB, and content-defined chunks, so that publishing a new
version uploads only what changed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import xxhash

from dataset_builder.shards.wording import Wording
from dataset_builder.source.arrays import lengths_of, text_array
from titlecraft.settings import Data

pc: Any = pyarrow.compute  # its functions are made when it is imported

COLUMNS = ("uid", "title", "instruction", "input", "output")
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])
FEWEST_ROWS, MOST_ROWS, ONE_IN = 10_000, 30_000, 5_000
ROW_GROUP_BYTES = 32 << 20  # of text, uncompressed; a group ends with the row that reaches this


def published_columns(settings: Data) -> tuple[str, ...]:
    """Return the columns of a dataset: those of Alpaca, and data.keep_columns."""
    return (*COLUMNS, *settings.keep_columns)


def to_alpaca(batch: pa.RecordBatch, wording: Wording) -> pa.Table:
    """Return the columns uid, title, instruction, input, output and all further ones of a batch of cleaned rows."""
    uids, titles = batch.column("uid").to_pylist(), batch.column("title").to_pylist()
    names = batch.schema.names[3:]
    if names:
        values = zip(*(batch.column(name).to_pylist() for name in names), strict=True)
        kept = [dict(zip(names, each, strict=True)) for each in values]
        prompts = [wording.of(*row) for row in zip(uids, titles, kept, strict=True)]
    else:
        prompts = [wording.of(uid, title) for uid, title in zip(uids, titles, strict=True)]
    columns = [
        batch.column("uid"),
        batch.column("title"),
        text_array([instruction.encode() for instruction, _ in prompts]),
        text_array([question.encode() for _, question in prompts]),
        batch.column("content"),
        *(batch.column(name) for name in names),
    ]
    return pa.Table.from_arrays(columns, names=[*COLUMNS, *names])


def shard_names(split: str, rows: int, rows_per_shard: int) -> list[str]:
    """Paths of a split's shards, as the Hub names them; none of an empty split, which `datasets` could not load."""
    count = -(-rows // rows_per_shard)
    return [f"data/{split}-{index:05d}-of-{count:05d}.parquet" for index in range(count)]


def write_parquet(tables: Iterable[pa.Table], path: Path, schema: pa.Schema = SCHEMA) -> None:
    """Write the rows of these tables, in order, into one file. The same rows give the same bytes.

    Only `instruction` is dictionary-encoded, because the values of the other columns rarely repeat.
    """
    with pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=3,
        write_page_index=True,
        use_content_defined_chunking=True,
        use_dictionary=["instruction"],  # pyright: ignore[reportArgumentType]  # names of columns are allowed
    ) as writer:
        for group in row_groups(tables):
            writer.write_table(group, row_group_size=len(group))


def row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the same rows in groups of 10,000 to 30,000 rows, or fewer if they are large.

    The hash of a row's title decides whether a group ends after it. An added or removed row therefore changes the borders of
    one group only, and the pages of all others stay. The result does not depend on the sizes of the input tables.
    """
    pending, rows, size = [], 0, 0
    for table in tables:
        ends, sizes = ends_of_groups(table), np.cumsum(row_bytes(table))
        start, before = 0, 0
        while start < len(table):
            large = int(np.searchsorted(sizes, before + ROW_GROUP_BYTES - size)) + 1
            chosen = (end for end in ends if end >= start + max(1, FEWEST_ROWS - rows))
            end = min(next(chosen, len(table) + 1), start + MOST_ROWS - rows, large)
            pending.append(table.slice(start, end - start))
            if end > len(table):
                rows, size = rows + len(table) - start, size + int(sizes[-1]) - before
                break
            yield pa.concat_tables(pending).combine_chunks()
            pending, rows, size, start, before = [], 0, 0, end, int(sizes[end - 1])
    if pending:
        yield pa.concat_tables(pending).combine_chunks()


def row_bytes(table: pa.Table) -> np.ndarray:
    """Return the bytes of each row's texts; int64 of shape (rows,)."""
    parts = [np.empty(0, np.int64)]
    for batch in table.to_batches():
        lengths = np.stack([lengths_of(pc.binary_length(column)) for column in batch.columns])
        parts.append(np.asarray(lengths.sum(axis=0, dtype=np.int64)).reshape(-1))
    return np.concatenate(parts)


def ends_of_groups(table: pa.Table) -> list[int]:
    """Return the numbers of the rows (from 1) after which a group may end: one in 5,000, by the hash of the title."""
    titles = table.column("title").to_pylist()
    return [number for number, title in enumerate(titles, start=1) if xxhash.xxh3_64_intdigest(title) % ONE_IN == 0]
