"""Which descriptions are nearly the same: locality-sensitive hashing of their sketches (Leskovec et al. 2020, chapter 3).

The 128 values of a sketch are cut into 20 bands of 6; two texts are compared where a band is equal. Of pairs as alike
as 0.8, 99.8 % share a band; of pairs as alike as 0.5, 27 %. A pair that is compared counts as near-duplicate from an
*estimate* of 0.69 on: three standard errors below 0.8, since a pair too many in one split costs nothing, and one too few leaks.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_builder.duplicates.sketch import VALUES
from dataset_builder.workers.array_file import save_array
from dataset_builder.workers.in_order import InOrder
from titlecraft.search.word_ngrams import mix

ALIKE = 0.8
ENOUGH = ALIKE - 3 * (ALIKE * (1 - ALIKE) / VALUES) ** 0.5
BANDS, BAND_VALUES = 20, 6
CHUNK = 1 << 16


class SketchFile:
    """Sketches on disk, appended in the order of the rows, then read where they are needed, by any process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream = path.open("wb")

    def append(self, sketches: np.ndarray) -> None:
        """Add sketches, uint16 of shape (rows, 128)."""
        self._stream.write(sketches.tobytes())

    def close(self) -> None:
        """From now on it can be read."""
        self._stream.close()


def read_sketches(path: Path) -> np.ndarray:
    """All sketches of a file, mapped into memory; uint16 of shape (rows, 128)."""
    if not path.stat().st_size:
        return np.empty((0, VALUES), dtype=np.uint16)
    return np.memmap(path, np.uint16, "r").reshape(-1, VALUES)


def band_keys(sketches: np.ndarray, rows: np.ndarray, band: int, values: int) -> np.ndarray:
    """One key (uint64) for `values` values of each of these rows' sketches, those of this band."""
    keys = np.empty(len(rows), dtype=np.uint64)
    for start in range(0, len(rows), CHUNK):
        part = sketches[rows[start : start + CHUNK], band * values : (band + 1) * values].astype(np.uint64)
        key = np.full(len(part), band + 1, dtype=np.uint64)
        for column in range(values):
            key = mix(key + part[:, column])
        keys[start : start + CHUNK] = key
    return keys


def estimate(sketches: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Estimated Jaccard similarity of the pairs (one[i], other[i]); float32."""
    found = np.empty(len(one), dtype=np.float32)
    for start in range(0, len(one), CHUNK):
        part = slice(start, start + CHUNK)
        found[part] = (sketches[one[part]] == sketches[other[part]]).mean(axis=1, dtype=np.float32)
    return found


@dataclass(frozen=True)
class BandTask:
    """One band of the sketches in a file, among the rows whose numbers lie in another (an array as numpy saves it)."""

    sketches: Path
    rows: Path
    band: int


def near_duplicates(sketches: Path, rows: np.ndarray, in_order: InOrder) -> np.ndarray:
    """Pairs of near-duplicates among these rows; int64 of shape (pairs, 2), enough of them to connect each cluster."""
    save_array(rows_file := sketches.with_name("near-rows.npy"), rows)
    found = np.empty(0, dtype=np.uint64)
    for pairs in in_order(alike_in_band, (BandTask(sketches, rows_file, band) for band in range(BANDS))):
        found = np.union1d(found, pairs)
    one, other = decode(found)
    return np.stack([rows[one], rows[other]], axis=1)


def alike_in_band(task: BandTask) -> np.ndarray:
    """Pairs of places among the rows whose sketches share this band and look alike, each pair in one uint64.

    Within a bucket every row is compared with the bucket's first row and with its neighbour, which is linear in the rows.
    """
    sketches, rows = read_sketches(task.sketches), np.load(task.rows)
    keys = band_keys(sketches, rows, task.band, BAND_VALUES)
    order = np.argsort(keys, kind="stable")
    same = np.flatnonzero(keys[order[1:]] == keys[order[:-1]]) + 1  # places whose neighbour before is in their bucket
    opens = np.ones(len(order), dtype=bool)
    opens[same] = False
    first = np.maximum.accumulate(np.where(opens, np.arange(len(order)), 0))
    ones, others = np.concatenate([first[same], same - 1]), np.concatenate([same, same])
    codes = np.unique((order[ones].astype(np.uint64) << np.uint64(32)) | order[others].astype(np.uint64))
    one, other = decode(codes)
    return codes[estimate(sketches, rows[one], rows[other]) >= ENOUGH]


def decode(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two places out of one number."""
    return (codes >> np.uint64(32)).astype(np.int64), (codes & np.uint64(0xFFFFFFFF)).astype(np.int64)
