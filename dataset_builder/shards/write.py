"""The second pass: writes one shard from the intermediate rows. Shards are independent of each other."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq
import xxhash

from dataset_builder.shards.alpaca import COLUMNS, shard_names, to_alpaca, write_parquet
from dataset_builder.shards.product_kind import product_kind
from dataset_builder.shards.wording import Wording
from dataset_builder.source.arrays import index_array, lengths_of
from dataset_builder.splits.assign import SPLITS
from titlecraft.records import File, describe_file

pc: Any = pyarrow.compute  # its functions are made when it is imported


@dataclass(frozen=True)
class RowFiles:
    """The intermediate rows: files in order, and the number of the first row of each.

    Three numpy files have the split of every row, the key of its title, and that of its description.
    """

    files: list[Path]
    begins: list[int]
    assigned: Path
    titles: Path
    contents: Path


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
    """A written shard: keys (uint64) and lengths (int32) of its rows, in order; lengths are measured on the file itself.

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
        return replace(rows, files=[], begins=[])
    first, last = (int(np.searchsorted(rows.begins, number, side="right")) for number in (chosen[0], chosen[-1]))
    return replace(rows, files=rows.files[first - 1 : last], begins=rows.begins[first - 1 : last])


def write_shard(task: ShardTask) -> ShardResult:
    """Write one shard, then read it back to measure it. Raises RuntimeError if it reads back other texts than were written."""
    chosen = np.flatnonzero(np.load(task.rows.assigned, mmap_mode="r") == task.split)[task.start : task.end]
    path = task.folder / task.name
    path.parent.mkdir(parents=True, exist_ok=True)
    schema = pa.schema([(name, pa.string()) for name in task.columns])
    written, found = Fingerprint(), Fingerprint()
    tables = (to_alpaca(batch, task.wording) for batch in select(task.rows, chosen))
    write_parquet(written.of_all(tables), path, schema)
    lengths, kinds, in_memory = [], Counter(), 0
    for batch in pq.ParquetFile(path).iter_batches(batch_size=10_000):
        found.add(batch)
        in_memory += sum(pc.sum(pc.binary_length(column)).as_py() for column in batch.columns)
        in_memory += 4 * batch.num_columns * batch.num_rows
        lengths.append(lengths_of(pc.utf8_length(batch.column("output"))))
        kinds.update(map(product_kind, batch.column("uid").to_pylist()))
    if found.digests() != written.digests():
        raise RuntimeError(f"{path} reads back other texts than were written: is the disk, or pyarrow, at fault?")
    return ShardResult(
        split=SPLITS[task.split],
        file=describe_file(task.folder, path),
        in_memory=in_memory,
        titles=np.load(task.rows.titles, mmap_mode="r")[chosen],
        outputs=np.load(task.rows.contents, mmap_mode="r")[chosen],
        lengths=np.concatenate([np.empty(0, np.int32), *lengths]),
        kinds=kinds,
    )


class Fingerprint:
    """Hashes of the columns of a table that comes in parts, whatever their sizes: of all texts, and of their lengths."""

    def __init__(self) -> None:
        self._hashes: dict[str, tuple[xxhash.xxh3_128, xxhash.xxh3_128]] = {}

    def of_all(self, tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
        """Yield the tables unchanged; add each."""
        for table in tables:
            self.add(table)
            yield table

    def add(self, part: pa.Table | pa.RecordBatch) -> None:
        """Add the rows of a part; all columns are texts without nulls."""
        for name in part.schema.names:
            texts, lengths = self._hashes.setdefault(name, (xxhash.xxh3_128(), xxhash.xxh3_128()))
            column = part.column(name)
            for chunk in column.chunks if isinstance(column, pa.ChunkedArray) else [column]:
                _, ends, data = chunk.buffers()
                ends = np.frombuffer(ends, np.int32)[chunk.offset : chunk.offset + len(chunk) + 1]
                lengths.update(np.diff(ends).tobytes())
                if ends[-1] > ends[0]:
                    texts.update(memoryview(data)[int(ends[0]) : int(ends[-1])])

    def digests(self) -> dict[str, tuple[str, str]]:
        """Return the hashes of each column."""
        return {name: (texts.hexdigest(), lengths.hexdigest()) for name, (texts, lengths) in self._hashes.items()}


def select(rows: RowFiles, chosen: np.ndarray) -> Iterator[pa.RecordBatch]:
    """Yield the rows with these numbers (ascending), in batches."""
    ends = [*rows.begins[1:], None][: len(rows.files)]
    for file, begin, end in zip(rows.files, rows.begins, ends, strict=True):
        low = np.searchsorted(chosen, begin)
        high = len(chosen) if end is None else np.searchsorted(chosen, end)
        if low == high:
            continue
        with pa.OSFile(str(file)) as source:  # mapped pages would cost more than reading them
            reader, start = pa.ipc.open_file(source), begin
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                inside = chosen[low:high]
                inside = inside[(inside >= start) & (inside < start + batch.num_rows)] - start
                if len(inside):
                    yield batch.take(index_array(inside))
                start += batch.num_rows
