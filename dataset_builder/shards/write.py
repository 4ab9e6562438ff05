"""The second pass: writes one shard from the intermediate rows. Shards are independent of each other."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from dataset_builder.shards.alpaca import COLUMNS, shard_names, to_alpaca, write_parquet
from dataset_builder.shards.product_kind import product_kind
from dataset_builder.shards.wording import Wording
from dataset_builder.source.block import text_key
from dataset_builder.splits.assign import SPLITS
from titlecraft.records import File, describe_file

pc: Any = pyarrow.compute  # its functions are made when it is imported


@dataclass(frozen=True)
class RowFiles:
    """The intermediate rows: files in order, the number of the first row of each, and the file with the split of every row."""

    files: list[Path]
    begins: list[int]
    assigned: Path


@dataclass(frozen=True)
class ShardTask:
    """Rows `start` to `end` of a split, in the order of the source, and the file that they are written to."""

    rows: RowFiles
    split: int
    start: int
    end: int
    folder: Path
    name: str
    wording: Wording
    columns: tuple[str, ...] = COLUMNS


@dataclass(frozen=True)
class ShardResult:
    """A written shard, measured on the file itself: keys (uint64) and lengths (int32) of its rows, in order.

    `in_memory` is the size of the columns as dataset_info counts it: UTF-8 bytes, and four bytes for each value.
    """

    split: str
    file: File
    in_memory: int
    titles: np.ndarray
    outputs: np.ndarray
    lengths: np.ndarray
    kinds: Counter[str]


def plan_shards(
    rows: RowFiles, folder: Path, wording: Wording, rows_per_shard: int, columns: tuple[str, ...] = COLUMNS
) -> list[ShardTask]:
    """Return the tasks for the shards of every split; the shards of a split have equal sizes."""
    assigned, tasks = np.load(rows.assigned), []
    for split in range(len(SPLITS)):
        chosen = np.flatnonzero(assigned == split)
        names = shard_names(SPLITS[split], len(chosen), rows_per_shard)
        for index, name in enumerate(names):
            start, end = (len(chosen) * bound // len(names) for bound in (index, index + 1))
            files = files_with(rows, chosen[start:end])
            tasks.append(ShardTask(files, split, start, end, folder, name, wording, columns))
    return tasks


def files_with(rows: RowFiles, chosen: np.ndarray) -> RowFiles:
    """Return only the files that contain rows with these numbers (ascending), so that a worker needs no others."""
    if not len(chosen):
        return RowFiles([], [], rows.assigned)
    first, last = (int(np.searchsorted(rows.begins, number, side="right")) for number in (chosen[0], chosen[-1]))
    return RowFiles(rows.files[first - 1 : last], rows.begins[first - 1 : last], rows.assigned)


def write_shard(task: ShardTask) -> ShardResult:
    """Write one shard, then read it back to measure it."""
    chosen = np.flatnonzero(np.load(task.rows.assigned, mmap_mode="r") == task.split)[task.start : task.end]
    path = task.folder / task.name
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, pa.string()) for name in task.columns])
    write_parquet((to_alpaca(batch, task.wording) for batch in select(task.rows, chosen)), path, schema)
    titles, outputs, lengths, kinds, in_memory = [], [], [], Counter(), 0
    for batch in pq.ParquetFile(path).iter_batches(batch_size=10_000):
        in_memory += sum(pc.sum(pc.binary_length(column)).as_py() for column in batch.columns)
        in_memory += 4 * batch.num_columns * batch.num_rows
        titles += map(text_key, batch.column("title").to_pylist())
        outputs += map(text_key, batch.column("output").to_pylist())
        lengths.append(pc.utf8_length(batch.column("output")).to_numpy(zero_copy_only=False))
        kinds.update(map(product_kind, batch.column("uid").to_pylist()))
    return ShardResult(
        split=SPLITS[task.split],
        file=describe_file(task.folder, path),
        in_memory=in_memory,
        titles=np.array(titles, dtype=np.uint64),
        outputs=np.array(outputs, dtype=np.uint64),
        lengths=np.concatenate([np.empty(0, np.int32), *lengths]),
        kinds=kinds,
    )


def select(rows: RowFiles, chosen: np.ndarray) -> Iterator[pa.RecordBatch]:
    """Yield the rows with these numbers (ascending), in batches."""
    ends = [*rows.begins[1:], None][: len(rows.files)]
    for file, begin, end in zip(rows.files, rows.begins, ends, strict=True):
        low = np.searchsorted(chosen, begin)
        high = len(chosen) if end is None else np.searchsorted(chosen, end)
        if low == high:
            continue
        with pa.memory_map(str(file)) as source:
            reader, start = pa.ipc.open_file(source), begin
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                inside = chosen[low:high]
                inside = inside[(inside >= start) & (inside < start + batch.num_rows)] - start
                if len(inside):
                    yield batch.take(pa.array(inside))
                start += batch.num_rows
