"""Measures leakage: how many rows of a held-out split share a text with the training split, in the published files.

Titles and descriptions are compared by key, ignoring case. The search for near-duplicates is more sensitive than the one that
forms groups of rows: with 30 bands of 4 values, all but one in ten million pairs with a Jaccard similarity of 0.8 share a band. A
pair counts only if the exact Jaccard similarity of the two published texts is at least 0.8.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builder.duplicates.near_duplicates import MINIMUM_ESTIMATE, SIMILARITY, band_keys, estimate, read_sketches
from dataset_builder.duplicates.sketch import resemblance
from dataset_builder.shards.write import ShardResult
from dataset_builder.workers.array_file import save_array
from dataset_builder.workers.in_order import InOrder
from titlecraft.records import Leakage

BANDS, BAND_VALUES = 30, 4
PAIRS = 1 << 18


@dataclass(frozen=True)
class LeakageTask:
    """One band to search. The file `rows` has the numbers of the rows: `held_out` held-out rows, then the training rows."""

    sketches: Path
    rows: Path
    held_out: int
    band: int


class Sketches:
    """The sketches of descriptions, found by text key; `measurable` is True for rows whose sketches can be compared."""

    def __init__(self, contents: np.ndarray, sketches: Path, measurable: np.ndarray) -> None:
        self.path, self.measurable = sketches, measurable
        self._keys, self._rows = np.unique(contents, return_index=True)

    def rows_of(self, outputs: np.ndarray) -> np.ndarray:
        """Return the row of the sketch for each key of a published description."""
        positions = np.searchsorted(self._keys, outputs)
        if len(outputs) and not np.array_equal(self._keys[positions], outputs):
            raise RuntimeError("a published description was never read: a bug in dataset_builder")
        return self._rows[positions]


def measure_leakage(
    folder: Path, shards: list[ShardResult], sketches: Sketches | None, in_order: InOrder
) -> dict[str, Leakage]:
    """Return, for each held-out split, how many rows share a title, a description or a near-duplicate with the training split."""
    train = [shard for shard in shards if shard.split == "train"]
    held_out = [shard for shard in shards if shard.split != "train"]
    near, measured = None, None
    if sketches and held_out:
        measured = sketches.measurable[sketches.rows_of(joined(held_out, "outputs"))]
        near = near_rows(folder, held_out, train, sketches, in_order) & measured
    leakage, start = {}, 0
    for split in dict.fromkeys(shard.split for shard in held_out):
        shards_of_split = [shard for shard in held_out if shard.split == split]
        rows = len(joined(shards_of_split, "titles"))
        near_measured = None if measured is None else int(measured[start : start + rows].sum())
        leakage[split] = Leakage(
            rows=rows,
            shared_titles=count_shared(joined(shards_of_split, "titles"), joined(train, "titles")),
            shared_outputs=count_shared(joined(shards_of_split, "outputs"), joined(train, "outputs")),
            near_duplicates=None if near is None or not near_measured else int(near[start : start + rows].sum()),
            near_measured=near_measured,
        )
        start += rows
    return dict(sorted(leakage.items()))


def count_shared(held_out: np.ndarray, train: np.ndarray) -> int:
    """Return how many held-out keys are among the training keys."""
    return int(np.isin(held_out, train[may_be_in(train, held_out)]).sum())


def joined(shards: list[ShardResult], column: str) -> np.ndarray:
    """Return the keys of the "titles" or "outputs" of these shards, in order."""
    return np.concatenate([getattr(shard, column) for shard in shards])


def near_rows(
    folder: Path, held_out: list[ShardResult], train: list[ShardResult], sketches: Sketches, in_order: InOrder
) -> np.ndarray:
    """Return True for each held-out row with a near-duplicate in the training rows; bool of shape (held-out rows,)."""
    held_out_rows = sketches.rows_of(joined(held_out, "outputs"))
    train_rows = sketches.rows_of(joined(train, "outputs"))
    save_array(rows_file := sketches.path.with_name("leakage-rows.npy"), np.concatenate([held_out_rows, train_rows]))
    tasks = (LeakageTask(sketches.path, rows_file, len(held_out_rows), band) for band in range(BANDS))
    pairs = np.unique(np.concatenate([np.empty((0, 2), np.int64), *in_order(similar_pairs, tasks)]), axis=0)
    held_out_texts = read_texts(folder, held_out, pairs[:, 0])
    train_texts = read_texts(folder, train, pairs[:, 1])
    near = np.zeros(len(held_out_rows), dtype=bool)
    for left, right in pairs.tolist():
        if not near[left] and resemblance(held_out_texts[left], train_texts[right]) >= SIMILARITY:
            near[left] = True
    return near


def similar_pairs(task: LeakageTask) -> np.ndarray:
    """Return pairs (held-out index, training index) that share a band and have similar sketches; int64 of shape (pairs, 2)."""
    sketches = read_sketches(task.sketches)
    rows = np.load(task.rows)
    held_out, train = rows[: task.held_out], rows[task.held_out :]
    held_out_keys = band_keys(sketches, held_out, task.band, BAND_VALUES)
    train_keys = band_keys(sketches, train, task.band, BAND_VALUES)
    order = np.argsort(held_out_keys, kind="stable")
    candidates = np.flatnonzero(may_be_in(train_keys, held_out_keys))
    low, high = (np.searchsorted(held_out_keys[order], train_keys[candidates], side=side) for side in ("left", "right"))
    pairs = [np.empty((0, 2), np.int64)]
    for part in np.array_split(np.arange(len(candidates)), 1 + int((high - low).sum()) // PAIRS):
        counts = (high - low)[part]
        right = np.repeat(candidates[part], counts)
        within = np.arange(len(right)) - np.repeat(np.cumsum(counts) - counts, counts)
        left = order[np.repeat(low[part], counts) + within]
        similar = estimate(sketches, held_out[left], train[right]) >= MINIMUM_ESTIMATE
        pairs.append(np.stack([left[similar], right[similar]], axis=1))
    return np.concatenate(pairs)


def may_be_in(keys: np.ndarray, few: np.ndarray) -> np.ndarray:
    """Return False for keys that are certainly not among `few`, True for all others; a bit table is faster than a search."""
    table = np.zeros(1 << 22, dtype=bool)
    low_bits = np.uint64(len(table) - 1)
    table[few & low_bits] = True
    return table[keys & low_bits]


def read_texts(folder: Path, shards: list[ShardResult], positions: np.ndarray) -> dict[int, str]:
    """Return the published descriptions at these positions of a split, read in batches of 10,000 rows."""
    wanted, start, texts = np.unique(positions), 0, {}
    for shard in shards:
        end = start + len(shard.outputs)
        if np.searchsorted(wanted, start) == np.searchsorted(wanted, end):
            start = end
            continue
        for batch in pq.ParquetFile(folder / shard.file.path).iter_batches(batch_size=10_000, columns=["output"]):
            inside = wanted[slice(*np.searchsorted(wanted, [start, start + batch.num_rows]))]
            texts |= zip(
                inside.tolist(), batch.column("output").take(pa.array(inside - start)).to_pylist(), strict=True
            )
            start += batch.num_rows
    return texts
