"""Rows -> the published columns (Alpaca, Taori et al. 2023) -> parquet shards as the Hub likes them.

zstd, a page index, and content-defined chunk borders, so that a republished version uploads only what changed.
"""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from titlecraft.prompt import PromptFormat

COLUMNS = ("uid", "title", "instruction", "input", "output")
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])
ROW_GROUP_ROWS = 20_000


def to_alpaca(batch: pa.RecordBatch, prompt: PromptFormat) -> pa.Table:
    """uid, title, content -> uid, title, instruction, input, output."""
    titles = batch.column("title").to_pylist()
    columns = [
        batch.column("uid"),
        batch.column("title"),
        pa.array([prompt.instruction] * batch.num_rows, pa.string()),
        pa.array([prompt.input_for(title) for title in titles], pa.string()),
        batch.column("content"),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def shard_names(split: str, rows: int, rows_per_shard: int) -> list[str]:
    """Paths of a split's shards, as the Hub names them; an empty split still has one."""
    count = max(1, -(-rows // rows_per_shard))
    return [f"data/{split}-{index:05d}-of-{count:05d}.parquet" for index in range(count)]


def write_shards(
    batches: Iterable[pa.RecordBatch], prompt: PromptFormat, folder: Path, names: list[str], rows: int
) -> int:
    """Write a split into evenly filled shards; returns the bytes of its columns in memory (dataset_info's num_bytes)."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    sizes = [rows // len(names) + (index < rows % len(names)) for index in range(len(names))]
    tables = (to_alpaca(batch, prompt) for batch in batches)
    waiting: pa.Table = SCHEMA.empty_table()
    in_memory = 0
    for name, size in zip(names, sizes, strict=True):
        with pq.ParquetWriter(
            folder / name, SCHEMA, compression="zstd", compression_level=3, write_page_index=True,
            use_content_defined_chunking=True,
        ) as writer:  # fmt: skip
            written = 0
            while written < size:
                take = min(size - written, ROW_GROUP_ROWS)
                while waiting.num_rows < take:
                    waiting = pa.concat_tables([waiting, next(tables)])
                part = waiting.slice(0, take).combine_chunks()
                writer.write_table(part, row_group_size=ROW_GROUP_ROWS)
                in_memory += sum(len(text.encode()) + 4 for column in part.columns for text in column.to_pylist())
                written, waiting = written + take, waiting.slice(take)
    return in_memory
