"""What of the generated texts stands word for word in the training split (measure "verbatim_copy").

The training split is read once, batch by batch, after the texts were written: an index of the texts' runs of eight words
is small, one of 1.2 million descriptions is not. Words are numbered by the texts' own vocabulary, a run is a 64-bit hash
of eight numbers, and both the splitting into words and the numbering are done by pyarrow.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

RUN = 8
ROWS_AT_ONCE = 20_000
ODD = 0x9E3779B97F4A7C15  # Knuth's multiplicative hash, 64 bit
BITS = 24  # of a hash: see first_bits


def split_words(texts: pa.Array) -> pa.ListArray:
    """Words between white space, in lower case, by the same code for both sides; an empty text has one empty word."""
    return pc.utf8_split_whitespace(pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(texts, ""))))


def run_hashes(numbers: np.ndarray, run: int = RUN) -> np.ndarray:
    """Hash of every run of so many numbers, uint64 [n − run + 1]: by runs of two, of four and of eight, the rest one by one."""
    single = hashes = numbers.astype(np.uint64)
    width = 1
    while width < run:
        more = width if 2 * width <= run else 1
        factor = np.uint64(pow(ODD, more, 1 << 64))
        behind = hashes if more == width else single
        hashes = hashes[:-more] * factor + behind[width:]
        width += more
    return hashes


def first_bits(hashes: np.ndarray) -> np.ndarray:
    """Place of each hash in a table of 1 << BITS, for a first and cheap look."""
    return hashes >> np.uint64(64 - BITS)


def among(hashes: np.ndarray, some: np.ndarray) -> np.ndarray:
    """Which of the hashes are among the sorted ones, bool. (np.isin would sort both sides anew for every text.)"""
    if not len(some):
        return np.zeros(len(hashes), dtype=bool)
    return some[np.minimum(np.searchsorted(some, hashes), len(some) - 1)] == hashes


def longest_run(found: np.ndarray) -> int:
    """Words of the longest stretch in which every run of eight was found; 0 where none was. `found`: bool [words − 7]."""
    longest = current = 0
    for one in found.tolist():
        current = current + 1 if one else 0
        longest = max(longest, current)
    return longest + RUN - 1 if longest else 0


class Copies:
    """The longest copied run of each text, once `look_up` was told of all texts.

    Args:
        files: parquet files of the training split, with a column `output`.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = list(files)
        self.found: dict[str, tuple[int, int]] = {}

    def look_up(self, texts: list[str]) -> None:
        """Search the training split for every run of eight words of the texts."""
        different = sorted(set(texts))
        words = split_words(pa.array(different, pa.string()))
        vocabulary = words.flatten().unique()
        numbers = self.number(words, vocabulary)
        hashes = [run_hashes(part) if len(part) >= RUN else np.zeros(0, np.uint64) for part in numbers]
        wanted = np.unique(np.concatenate([*hashes, np.zeros(0, np.uint64)]), sorted=True)
        seen = self.search(wanted, vocabulary)
        for text, part, runs in zip(different, numbers, hashes, strict=True):
            self.found[text] = longest_run(among(runs, seen)), len(part) if text.strip() else 0

    def copied_words(self, text: str) -> tuple[int, int]:
        """Words of the text's longest copied run, and all its words. KeyError where it was not looked up."""
        return self.found[text]

    @staticmethod
    def number(words: pa.ListArray, vocabulary: pa.Array) -> list[np.ndarray]:
        """The words of each text as their places in the vocabulary."""
        flat = pc.index_in(words.flatten(), value_set=vocabulary).to_numpy(zero_copy_only=False)
        sizes = pc.list_value_length(words).to_numpy(zero_copy_only=False)
        return [part[:size] for part, size in zip(np.split(flat, np.cumsum(sizes)[:-1]), sizes, strict=True)]

    def search(self, wanted: np.ndarray, vocabulary: pa.Array) -> np.ndarray:
        """Those of the hashes that a description of the training split has."""
        unseen, look = wanted, np.zeros(1 << BITS, dtype=bool)
        for file in self.files:
            for batch in pq.ParquetFile(file).iter_batches(ROWS_AT_ONCE, columns=["output"]):
                look[:] = False
                look[first_bits(unseen)] = True
                hashes, _ = known_runs(split_words(batch.column(0)), vocabulary)
                hashes = hashes[look[first_bits(hashes)]]
                unseen = unseen[~among(unseen, np.sort(hashes))]
        return wanted[~among(wanted, unseen)]


def known_runs(words: pa.ListArray, vocabulary: pa.Array, run: int = RUN) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the runs that lie within one description and hold no word outside the vocabulary, and its place, int32."""
    found = pc.index_in(words.flatten(), value_set=vocabulary)
    unknown = pc.is_null(found).to_numpy(zero_copy_only=False)
    numbers = pc.fill_null(found, 0).to_numpy(zero_copy_only=False)
    if len(numbers) < run:
        return np.zeros(0, np.uint64), np.zeros(0, np.int32)
    broken = np.zeros(len(numbers) + 1, dtype=np.int32)
    np.cumsum(unknown, out=broken[1:])
    sizes = pc.list_value_length(words).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    whole = (broken[run:] == broken[:-run]) & (row[run - 1 :] == row[: len(row) - run + 1])
    return run_hashes(numbers, run)[whole], row[run - 1 :][whole]
