"""Building the index of a published dataset's rows, once per revision, as an atomically created folder.

facts.json      which dataset, which parquet files, how many rows
title/  text/   BM25 of each column, in bm25s' format
titles.arrow    uid and title of every row, as they are
texts.arrow     the text of every row, zstd, a few rows in a batch: a row of the parquet costs a row group of thousands
keys.npy        hashes of the titles, sorted, and rows.npy, the row of each
"""

import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import xxhash
from filelock import FileLock

from titlecraft.errors import UserError
from titlecraft.records import Pin, Record
from titlecraft.search.title_match import folded
from titlecraft.search.word_index import Words, save_index

VERSION = 1  # raise it when the same dataset would give another index
COLUMNS = ["uid", "title", "output"]
TITLES_AT_ONCE, TEXTS_AT_ONCE = 8192, 128  # rows of a batch of titles.arrow, of texts.arrow
FACTS = "facts.json"


class RowFile(Record, frozen=True):
    """A parquet file of the dataset; its rows are numbered after those of the previous file."""

    path: str
    split: str
    rows: int


class Facts(Record, frozen=True):
    """What an index was built from. `begins` has the first row of each batch of titles.arrow and of texts.arrow."""

    dataset: Pin
    version: int
    files: list[RowFile]
    title_begins: list[int]
    text_begins: list[int]


def title_key(title: str) -> int:
    """Return the 64-bit hash of a title, ignoring case and white space."""
    return xxhash.xxh3_64_intdigest(folded(title))


def row_files(folder: Path, dataset: Pin) -> list[RowFile]:
    """Return the parquet files of a downloaded dataset by name. Raises UserError if there are none of the expected form."""
    described = []
    files = sorted((folder / "data").glob("*.parquet"))
    for file in sorted((folder / "data").glob("*-*-of-*.parquet")) or files:  # people may add other files
        parquet = pq.ParquetFile(file)
        if missing := [name for name in COLUMNS if name not in parquet.schema_arrow.names]:
            raise UserError(
                f"data/{file.name} of dataset {dataset} has no column {missing[0]!r}: expected a dataset that "
                "`titlecraft build` published"
            )
        split = re.sub(r"-\d+-of-\d+$", "", file.stem)
        described.append(RowFile(path=f"data/{file.name}", split=split, rows=parquet.metadata.num_rows))
    if not described:
        raise UserError(f"dataset {dataset} has no data/*.parquet: build it with `titlecraft build`")
    return described


def ensure_index(folder: Path, dataset: Pin, download: Callable[[], Path]) -> None:
    """Build the index in `folder` unless it exists; an interrupted build leaves no index.

    Args:
        download: returns the folder of the dataset; only called if the index is built.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if (folder / FACTS).is_file():
            return
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        build_index(download(), dataset, unfinished)
        unfinished.replace(folder)


def build_index(source: Path, dataset: Pin, folder: Path) -> None:
    """Write all index files of the downloaded dataset in `source`."""
    files = row_files(source, dataset)
    titles, texts, keys = Words(), Words(), []
    with row_bar(sum(file.rows for file in files)) as advance:
        title_file = RowWriter(folder / "titles.arrow", ["uid", "title"], TITLES_AT_ONCE, None)
        text_file = RowWriter(folder / "texts.arrow", ["output"], TEXTS_AT_ONCE, "zstd")
        with title_file, text_file:
            for file in files:
                for batch in pq.ParquetFile(source / file.path).iter_batches(TITLES_AT_ONCE, columns=COLUMNS):
                    rows = plain(batch)
                    title_file.write(rows)
                    text_file.write(rows)
                    batch_titles = rows.column("title").to_pylist()
                    keys.append(np.fromiter(map(title_key, batch_titles), np.uint64, len(batch_titles)))
                    titles.add(batch_titles)
                    texts.add(rows.column("output").to_pylist())
                    advance(len(batch_titles))
        save_keys(np.concatenate([np.zeros(0, np.uint64), *keys]), folder)
        for name, words in (("title", titles), ("text", texts)):
            if words.vocabulary:
                save_index(words, folder / name)
    facts = Facts(
        dataset=dataset, version=VERSION, files=files, title_begins=title_file.begins, text_begins=text_file.begins
    )
    (folder / FACTS).write_bytes(msgspec.json.encode(facts))


def plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return the columns as strings without nulls."""
    return pa.RecordBatch.from_arrays(
        [pc.fill_null(pc.cast(batch.column(name), pa.string()), "") for name in COLUMNS], names=COLUMNS
    )


def save_keys(keys: np.ndarray, folder: Path) -> None:
    """Save the sorted title hashes and the row of each; equal hashes in row order."""
    order = np.argsort(keys, kind="stable")
    np.save(folder / "keys.npy", keys[order])
    np.save(folder / "rows.npy", order.astype(np.int32))


class RowWriter:
    """Writer of all rows into an Arrow file with a fixed batch size. `begins`: the first row of each batch."""

    def __init__(self, file: Path, columns: list[str], rows: int, compression: str | None) -> None:
        schema = pa.schema([(name, pa.string()) for name in columns])
        options = pa.ipc.IpcWriteOptions(compression=compression)
        self.writer = pa.ipc.new_file(file, schema, options=options)
        self.columns, self.rows, self.count = columns, rows, 0
        self.begins: list[int] = []

    def write(self, batch: pa.RecordBatch) -> None:
        """Append rows."""
        chosen = batch.select(self.columns)
        for start in range(0, len(chosen), self.rows):
            piece = chosen.slice(start, self.rows)
            self.begins.append(self.count)
            self.writer.write_batch(piece)
            self.count += len(piece)

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()


@contextmanager
def row_bar(total: int) -> Iterator[Callable[[int], None]]:
    """Return a progress bar of rows with their rate, for stderr on a terminal; one line elsewhere."""
    from rich import progress as rich
    from rich.console import Console

    start, console = time.perf_counter(), Console(stderr=True)
    columns = (
        rich.TextColumn("indexing the dataset's rows"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeElapsedColumn(),
    )
    with rich.Progress(*columns, console=console, disable=not console.is_terminal) as bars:
        task = bars.add_task("", total=total, rate="")

        def advance(count: int) -> None:
            completed = bars.tasks[0].completed + count
            bars.update(task, completed=completed, rate=f"{completed / (time.perf_counter() - start):,.0f} rows/s")

        yield advance
    seconds = time.perf_counter() - start
    if not console.is_terminal:
        print(f"index of {total:,} rows: {seconds:.1f} s", file=sys.stderr, flush=True)
