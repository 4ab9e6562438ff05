"""Finds near-duplicate descriptions by locality-sensitive hashing of MinHash sketches (Leskovec et al. 2020, chapter 3).

The 128 values of a sketch are cut into 20 bands of 6. Two texts are candidates if a band is equal: 99.8 % of the pairs with a
Jaccard similarity of 0.8 are, and 27 % of the pairs with 0.5. A candidate pair counts as near-duplicate if its *estimated*
similarity is at least 0.69, three standard errors below 0.8: a false positive costs nothing, a false negative leaks.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_builder.duplicates.sketch import VALUES
from dataset_builder.workers.array_file import save_array
from dataset_builder.workers.in_order import InOrder
from titlecraft.search.word_ngrams import mix

SIMILARITY = 0.8
MINIMUM_ESTIMATE = SIMILARITY - 3 * (SIMILARITY * (1 - SIMILARITY) / VALUES) ** 0.5
BANDS, BAND_VALUES = 20, 6
CHUNK = 1 << 16


class SketchFile:
    """A file of sketches in the order of the rows; any process can read it once it is closed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = path.open("wb")

    def append(self, sketches: np.ndarray) -> None:
        """Append sketches, uint16 of shape (rows, 128)."""
        self._stream.write(sketches.tobytes())

    def close(self) -> None:
        """Close the file, so that it can be read."""
        self._stream.close()


def read_sketches(path: Path) -> np.ndarray:
    """Return all sketches of a file as a memory map; uint16 of shape (rows, 128)."""
    if not path.stat().st_size:
        return np.empty((0, VALUES), dtype=np.uint16)
    return np.memmap(path, np.uint16, "r").reshape(-1, VALUES)


def band_keys(sketches: np.ndarray, rows: np.ndarray, band: int, values: int) -> np.ndarray:
    """Return a hash (uint64) of one band of `values` values for each of these rows' sketches."""
    keys = np.empty(len(rows), dtype=np.uint64)
    for start in range(0, len(rows), CHUNK):
        part = sketches[rows[start : start + CHUNK], band * values : (band + 1) * values].astype(np.uint64)
        key = np.full(len(part), band + 1, dtype=np.uint64)
        for column in range(values):
            key = mix(key + part[:, column])
        keys[start : start + CHUNK] = key
    return keys


def estimate(sketches: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return the estimated Jaccard similarity of the pairs of rows (left[i], right[i]); float32."""
    similarity = np.empty(len(left), dtype=np.float32)
    for start in range(0, len(left), CHUNK):
        part = slice(start, start + CHUNK)
        similarity[part] = (sketches[left[part]] == sketches[right[part]]).mean(axis=1, dtype=np.float32)
    return similarity


def similarities(sketches: Path, pairs: np.ndarray) -> np.ndarray:
    """Return the estimated Jaccard similarity of each of these pairs of rows; float32 of shape (pairs,)."""
    return estimate(read_sketches(sketches), pairs[:, 0], pairs[:, 1])


@dataclass(frozen=True)
class BandTask:
    """One band to search; `sketches` is a sketch file, `rows` a numpy file with the numbers of the rows to compare."""

    sketches: Path
    rows: Path
    band: int


def near_duplicates(sketches: Path, rows: np.ndarray, in_order: InOrder) -> np.ndarray:
    """Return pairs of near-duplicates among these rows, enough to connect each cluster; int64 of shape (pairs, 2)."""
    save_array(rows_file := sketches.with_name("near-rows.npy"), rows)
    all_pairs = np.empty(0, dtype=np.uint64)
    for band_pairs in in_order(pairs_in_band, (BandTask(sketches, rows_file, band) for band in range(BANDS))):
        all_pairs = np.union1d(all_pairs, band_pairs)
    left, right = decode(all_pairs)
    return np.stack([rows[left], rows[right]], axis=1)


def pairs_in_band(task: BandTask) -> np.ndarray:
    """Return pairs of indices into the rows that share this band and have similar sketches; each pair is one uint64.

    Within a bucket every row is compared with the bucket's first row and with its neighbour, which is linear in the rows.
    """
    sketches, rows = read_sketches(task.sketches), np.load(task.rows)
    keys = band_keys(sketches, rows, task.band, BAND_VALUES)
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1  # positions in the bucket of their predecessor
    is_first = np.ones(len(order), dtype=bool)
    is_first[same] = False
    first = np.maximum.accumulate(np.where(is_first, np.arange(len(order)), 0))
    earlier, later = np.concatenate([first[same], same - 1]), np.concatenate([same, same])
    codes = np.unique((order[earlier].astype(np.uint64) << np.uint64(32)) | order[later].astype(np.uint64))
    left, right = decode(codes)
    return codes[estimate(sketches, rows[left], rows[right]) >= MINIMUM_ESTIMATE]


def decode(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the two indices that each code packs into one uint64."""
    return (codes >> np.uint64(32)).astype(np.int64), (codes & np.uint64(0xFFFFFFFF)).astype(np.int64)
