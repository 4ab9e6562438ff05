"""The part of each generated text that the training split holds word for word (measure "verbatim_copy").

The training split is read once, batch by batch, after the texts are generated: an index of the texts' word 8-grams is
small, one of 1.2 million descriptions is not.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from titlecraft.search.word_ngrams import (
    BATCH_ROWS,
    TABLE_BITS,
    is_in_sorted,
    known_ngrams,
    ngram_hashes,
    split_words,
    table_index,
)

N = 8  # words of an n-gram


def longest_passage(found: np.ndarray) -> int:
    """Words of the longest stretch whose word 8-grams were all found; 0 where none was. `found`: bool [words - 7]."""
    longest = current = 0
    for is_found in found.tolist():
        current = current + 1 if is_found else 0
        longest = max(longest, current)
    return longest + N - 1 if longest else 0


class Copies:
    """The longest copied passage of each text; `look_up` takes all texts first.

    Args:
        files: parquet files of the training split, with a column `output`.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = list(files)
        self.found: dict[str, tuple[int, int]] = {}

    def look_up(self, texts: list[str]) -> None:
        """Search the training split for every word 8-gram of the texts."""
        different = sorted(set(texts))
        words = split_words(pa.array(different, pa.string()))
        vocabulary = words.flatten().unique()
        numbers = self.number(words, vocabulary)
        hashes = [ngram_hashes(part, N) if len(part) >= N else np.zeros(0, np.uint64) for part in numbers]
        wanted = np.unique(np.concatenate([*hashes, np.zeros(0, np.uint64)]), sorted=True)
        seen = self.search(wanted, vocabulary)
        for text, part, ngrams in zip(different, numbers, hashes, strict=True):
            self.found[text] = longest_passage(is_in_sorted(ngrams, seen)), len(part) if text.strip() else 0

    def copied_words(self, text: str) -> tuple[int, int]:
        """Number of words of the text's longest copied passage, and of the whole text. KeyError where it was not looked up."""
        return self.found[text]

    @staticmethod
    def number(words: pa.ListArray, vocabulary: pa.Array) -> list[np.ndarray]:
        """The words of each text as indices into the vocabulary."""
        indices = pc.index_in(words.flatten(), value_set=vocabulary)  # pyright: ignore[reportAttributeAccessIssue]
        flat = indices.to_numpy(zero_copy_only=False)
        sizes = words.value_lengths().to_numpy(zero_copy_only=False)
        return [part[:size] for part, size in zip(np.split(flat, np.cumsum(sizes)[:-1]), sizes, strict=True)]

    def search(self, wanted: np.ndarray, vocabulary: pa.Array) -> np.ndarray:
        """Those of the hashes that a description of the training split has."""
        unseen, look = wanted, np.zeros(1 << TABLE_BITS, dtype=bool)
        for file in self.files:
            for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=["output"]):
                look[:] = False
                look[table_index(unseen)] = True
                hashes, _ = known_ngrams(split_words(batch.column(0)), vocabulary, N)
                hashes = hashes[look[table_index(hashes)]]
                unseen = unseen[~is_in_sorted(unseen, np.sort(hashes))]
        return wanted[~is_in_sorted(wanted, unseen)]
