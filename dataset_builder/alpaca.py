"""Rows -> the published columns (Alpaca, Taori et al. 2023) -> parquet as the Hub likes it.

zstd, a page index, row groups of at most 64 MB, and content-defined chunk borders, so that a republished version uploads
only what changed.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import xxhash

from dataset_builder.wording import Wording

COLUMNS = ("uid", "title", "instruction", "input", "output")
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])
FEWEST_ROWS, MOST_ROWS, ONE_IN = 10_000, 30_000, 5_000
# uncompressed; a group ends with the piece that passes this, and pieces are at most as large
ROW_GROUP_BYTES = 32 << 20


def to_alpaca(batch: pa.RecordBatch, wording: Wording) -> pa.Table:
    """uid, title, content -> uid, title, instruction, input, output."""
    uids, titles = batch.column("uid").to_pylist(), batch.column("title").to_pylist()
    asked = [wording.of(uid, title) for uid, title in zip(uids, titles, strict=True)]
    columns = [
        batch.column("uid"),
        batch.column("title"),
        pa.array([instruction for instruction, _ in asked], pa.string()),
        pa.array([question for _, question in asked], pa.string()),
        batch.column("content"),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def shard_names(split: str, rows: int, rows_per_shard: int) -> list[str]:
    """Paths of a split's shards, as the Hub names them; an empty split still has one."""
    count = max(1, -(-rows // rows_per_shard))
    return [f"data/{split}-{index:05d}-of-{count:05d}.parquet" for index in range(count)]


def write_parquet(tables: Iterable[pa.Table], path: Path) -> None:
    """Write the rows of these tables, in order, into one file. The same rows give the same bytes."""
    with pq.ParquetWriter(
        path, SCHEMA, compression="zstd", compression_level=3, write_page_index=True, use_content_defined_chunking=True,
        use_dictionary=["instruction"],  # the other columns hardly repeat: a dictionary of them is work and bytes for nothing
    ) as writer:  # fmt: skip
        for group in row_groups(tables):
            writer.write_table(group, row_group_size=len(group))


def row_groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in groups of 10,000 to 30,000 rows, or of fewer where they are large.

    A group ends behind a row whose title says so, not after a number of rows: a row more or less moves the borders of one
    group, and the pages of all others stay as they were.
    """
    waiting, rows, size = [], 0, 0
    for table in tables:
        for piece in pieces(table):
            ends = ends_of_groups(piece)
            start = 0
            while start < len(piece):
                earliest = start + max(0, FEWEST_ROWS - rows)
                end = next((end for end in ends if end >= earliest and end > start), len(piece))
                end = min(end, start + MOST_ROWS - rows, len(piece))
                waiting.append(piece.slice(start, end - start))
                rows, size = rows + end - start, size + waiting[-1].nbytes
                if rows == MOST_ROWS or size >= ROW_GROUP_BYTES or (rows >= FEWEST_ROWS and end in ends):
                    yield pa.concat_tables(waiting).combine_chunks()
                    waiting, rows, size = [], 0, 0
                start = end
    if waiting:
        yield pa.concat_tables(waiting).combine_chunks()


def ends_of_groups(piece: pa.Table) -> list[int]:
    """Behind which rows of a piece a group may end: one in 5,000, by the hash of the title."""
    titles = piece.column("title").to_pylist()
    return [place for place, title in enumerate(titles, start=1) if xxhash.xxh3_64_intdigest(title) % ONE_IN == 0]


def pieces(table: pa.Table) -> Iterator[pa.Table]:
    """A table halved until no piece is larger than a row group may be, or it is one row."""
    if table.nbytes <= ROW_GROUP_BYTES or len(table) == 1:
        yield table
        return
    yield from pieces(table.slice(0, len(table) // 2))
    yield from pieces(table.slice(len(table) // 2))
