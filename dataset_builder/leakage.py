"""How much of a held-out split stands in the training split as well, measured on the published files.

Titles and descriptions are compared by key, case ignored. Near-duplicates are looked for anew, more sensitively than when
rows were grouped (30 bands of 4 values: of pairs as alike as 0.8 all but one in ten million share a band), and a pair
counts only where the exact Jaccard similarity of the two published texts is 0.8 or more.
"""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from dataset_builder.near_duplicates import ALIKE, ENOUGH, band_keys, estimate
from dataset_builder.shards import ShardResult
from dataset_builder.sketch import resemblance
from titlecraft.records import Leakage

BANDS, BAND_VALUES = 30, 4
PAIRS = 1 << 18


class Sketches:
    """The sketches of descriptions, found by the key of the text."""

    def __init__(self, contents: np.ndarray, sketches: np.ndarray) -> None:
        self.sketches = sketches
        self._keys, self._rows = np.unique(contents, return_index=True)

    def rows_of(self, outputs: np.ndarray) -> np.ndarray:
        """For each key of a published description the row of its sketch."""
        places = np.searchsorted(self._keys, outputs)
        if len(outputs) and not np.array_equal(self._keys[places], outputs):
            raise RuntimeError("a published description was never read: a bug in dataset_builder")
        return self._rows[places]


def measure_leakage(folder: Path, shards: list[ShardResult], sketches: Sketches | None) -> dict[str, Leakage]:
    """For each held-out split: how many of its rows share title, description or near-description with the training split."""
    by_split = {split: [shard for shard in shards if shard.split == split] for split in ("train", "validation", "test")}
    train = by_split.pop("train")
    titles, outputs = (np.concatenate([getattr(shard, of) for shard in train]) for of in ("titles", "outputs"))
    found = {}
    for split, held_out in sorted(by_split.items()):
        ours = {of: np.concatenate([getattr(shard, of) for shard in held_out]) for of in ("titles", "outputs")}
        near = None
        if sketches:
            near = int(near_rows(folder, held_out, ours["outputs"], train, outputs, sketches).sum())
        found[split] = Leakage(
            rows=len(ours["titles"]),
            shared_titles=int(np.isin(ours["titles"], titles).sum()),
            shared_outputs=int(np.isin(ours["outputs"], outputs).sum()),
            near_duplicates=near,
        )
    return found


def near_rows(
    folder: Path, held_out: list[ShardResult], ours: np.ndarray, train: list[ShardResult], theirs: np.ndarray, sketches: Sketches
) -> np.ndarray:  # fmt: skip
    """True for each held-out row that has a near-duplicate among the training rows; bool of shape (held-out rows,)."""
    our_rows, their_rows = sketches.rows_of(ours), sketches.rows_of(theirs)
    pairs = np.unique(np.concatenate(
        [np.empty((0, 2), np.int64), *(alike_pairs(sketches.sketches, our_rows, their_rows, band) for band in range(BANDS))]
    ), axis=0)  # fmt: skip
    texts_here, texts_there = read_texts(folder, held_out, pairs[:, 0]), read_texts(folder, train, pairs[:, 1])
    near = np.zeros(len(ours), dtype=bool)
    for here, there in pairs.tolist():
        if not near[here] and resemblance(texts_here[here], texts_there[there]) >= ALIKE:
            near[here] = True
    return near


def alike_pairs(sketches: np.ndarray, ours: np.ndarray, theirs: np.ndarray, band: int) -> np.ndarray:
    """Pairs (place in ours, place in theirs) that share this band and whose sketches look alike; int64 of shape (pairs, 2)."""
    our_keys = band_keys(sketches, ours, band, BAND_VALUES)
    their_keys = band_keys(sketches, theirs, band, BAND_VALUES)
    order = np.argsort(our_keys, kind="stable")
    low, high = (np.searchsorted(our_keys[order], their_keys, side=side) for side in ("left", "right"))
    matched = np.flatnonzero(high > low)
    counts = (high - low)[matched]
    found = [np.empty((0, 2), np.int64)]
    stops = np.cumsum(counts)
    start = 0
    while start < len(matched):  # a chunk of matched rows at a time, since a common band has many partners
        end = max(start + 1, int(np.searchsorted(stops, (stops[start - 1] if start else 0) + PAIRS)))
        there = np.repeat(matched[start:end], counts[start:end])
        begins = np.cumsum(counts[start:end]) - counts[start:end]
        here = order[
            np.arange(len(there))
            - np.repeat(begins, counts[start:end])
            + np.repeat(low[matched[start:end]], counts[start:end])
        ]
        alike = estimate(sketches, ours[here], theirs[there]) >= ENOUGH
        found.append(np.stack([here[alike], there[alike]], axis=1))
        start = end
    return np.concatenate(found)


def read_texts(folder: Path, shards: list[ShardResult], places: np.ndarray) -> dict[int, str]:
    """Published descriptions at these places of a split, read from its files."""
    wanted, start, texts = np.unique(places), 0, {}
    for shard in shards:
        inside = wanted[(wanted >= start) & (wanted < start + len(shard.outputs))]
        if len(inside):
            column = pq.read_table(folder / shard.file.path, columns=["output"]).column("output")
            texts |= zip(inside.tolist(), column.take(inside - start).to_pylist(), strict=True)
        start += len(shard.outputs)
    return texts
