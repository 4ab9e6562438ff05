"""How much of a held-out split stands in the training split as well, measured on the published files.

Titles and descriptions are compared by key, case ignored. Near-duplicates are looked for anew, more sensitively than when
rows were grouped (30 bands of 4 values: of pairs as alike as 0.8 all but one in ten million share a band), and a pair
counts only where the exact Jaccard similarity of the two published texts is 0.8 or more.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dataset_builder.duplicates.near_duplicates import ALIKE, ENOUGH, band_keys, estimate, read_sketches
from dataset_builder.duplicates.sketch import resemblance
from dataset_builder.shards.write import ShardResult
from dataset_builder.workers.array_file import save_array
from dataset_builder.workers.in_order import InOrder
from titlecraft.records import Leakage

BANDS, BAND_VALUES = 30, 4
PAIRS = 1 << 18


@dataclass(frozen=True)
class LeakageTask:
    """One band of the sketches in a file, of the held-out rows (the first `ours` numbers in `rows`) and the training rows."""

    sketches: Path
    rows: Path
    ours: int
    band: int


class Sketches:
    """The sketches of descriptions, found by the key of the text, and which of them can be compared (bool by row)."""

    def __init__(self, contents: np.ndarray, sketches: Path, measurable: np.ndarray) -> None:
        self.path, self.measurable = sketches, measurable
        self._keys, self._rows = np.unique(contents, return_index=True)

    def rows_of(self, outputs: np.ndarray) -> np.ndarray:
        """For each key of a published description the row of its sketch."""
        places = np.searchsorted(self._keys, outputs)
        if len(outputs) and not np.array_equal(self._keys[places], outputs):
            raise RuntimeError("a published description was never read: a bug in dataset_builder")
        return self._rows[places]


def measure_leakage(
    folder: Path, shards: list[ShardResult], sketches: Sketches | None, in_order: InOrder
) -> dict[str, Leakage]:
    """For each held-out split: how many of its rows share title, description or near-description with the training split."""
    train = [shard for shard in shards if shard.split == "train"]
    held_out = [shard for shard in shards if shard.split != "train"]
    near, measured = None, None
    if sketches and held_out:
        measured = sketches.measurable[sketches.rows_of(joined(held_out, "outputs"))]
        near = near_rows(folder, held_out, train, sketches, in_order) & measured
    found, start = {}, 0
    for split in dict.fromkeys(shard.split for shard in held_out):
        ours = [shard for shard in held_out if shard.split == split]
        rows = len(joined(ours, "titles"))
        seen = None if measured is None else int(measured[start : start + rows].sum())
        found[split] = Leakage(
            rows=rows,
            shared_titles=count_shared(joined(ours, "titles"), joined(train, "titles")),
            shared_outputs=count_shared(joined(ours, "outputs"), joined(train, "outputs")),
            near_duplicates=None if near is None or not seen else int(near[start : start + rows].sum()),
            near_measured=seen,
        )
        start += rows
    return dict(sorted(found.items()))


def count_shared(ours: np.ndarray, theirs: np.ndarray) -> int:
    """How many of our keys are among theirs, which are many more."""
    return int(np.isin(ours, theirs[may_be_in(theirs, ours)]).sum())


def joined(shards: list[ShardResult], of: str) -> np.ndarray:
    """The keys of the titles or of the outputs of these shards, in order."""
    return np.concatenate([getattr(shard, of) for shard in shards])


def near_rows(
    folder: Path, held_out: list[ShardResult], train: list[ShardResult], sketches: Sketches, in_order: InOrder
) -> np.ndarray:
    """True for each held-out row that has a near-duplicate among the training rows; bool of shape (held-out rows,)."""
    ours, theirs = sketches.rows_of(joined(held_out, "outputs")), sketches.rows_of(joined(train, "outputs"))
    save_array(rows_file := sketches.path.with_name("leakage-rows.npy"), np.concatenate([ours, theirs]))
    tasks = (LeakageTask(sketches.path, rows_file, len(ours), band) for band in range(BANDS))
    pairs = np.unique(np.concatenate([np.empty((0, 2), np.int64), *in_order(alike_pairs, tasks)]), axis=0)
    texts_here, texts_there = read_texts(folder, held_out, pairs[:, 0]), read_texts(folder, train, pairs[:, 1])
    near = np.zeros(len(ours), dtype=bool)
    for here, there in pairs.tolist():
        if not near[here] and resemblance(texts_here[here], texts_there[there]) >= ALIKE:
            near[here] = True
    return near


def alike_pairs(task: LeakageTask) -> np.ndarray:
    """Pairs (place in ours, place in theirs) that share a band and whose sketches look alike; int64 of shape (pairs, 2)."""
    sketches = read_sketches(task.sketches)
    rows = np.load(task.rows)
    ours, theirs = rows[: task.ours], rows[task.ours :]
    our_keys = band_keys(sketches, ours, task.band, BAND_VALUES)
    their_keys = band_keys(sketches, theirs, task.band, BAND_VALUES)
    order = np.argsort(our_keys, kind="stable")
    places = np.flatnonzero(may_be_in(their_keys, our_keys))
    low, high = (np.searchsorted(our_keys[order], their_keys[places], side=side) for side in ("left", "right"))
    found = [np.empty((0, 2), np.int64)]
    for part in np.array_split(np.arange(len(places)), 1 + int((high - low).sum()) // PAIRS):
        counts = (high - low)[part]
        there = np.repeat(places[part], counts)
        within = np.arange(len(there)) - np.repeat(np.cumsum(counts) - counts, counts)
        here = order[np.repeat(low[part], counts) + within]
        alike = estimate(sketches, ours[here], theirs[there]) >= ENOUGH
        found.append(np.stack([here[alike], there[alike]], axis=1))
    return np.concatenate(found)


def may_be_in(keys: np.ndarray, few: np.ndarray) -> np.ndarray:
    """False only where a key is surely not one of the few: a look into a table of bits is cheaper than a search."""
    table = np.zeros(1 << 22, dtype=bool)
    low_bits = np.uint64(len(table) - 1)
    table[few & low_bits] = True
    return table[keys & low_bits]


def read_texts(folder: Path, shards: list[ShardResult], places: np.ndarray) -> dict[int, str]:
    """Published descriptions at these places of a split, read from its files a few thousand rows at a time."""
    wanted, start, texts = np.unique(places), 0, {}
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
