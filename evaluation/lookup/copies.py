"""Longest passage of each generated text that stands word for word in the training split (measure "verbatim_copy").

The training split is read once, batch by batch, after all texts are written: an index of the texts' word 8-grams is small, an
index of 1.2 million descriptions is not. Words are numbered by the texts' own vocabulary.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from titlecraft.search.word_ngrams import (
    COPIED,
    PREFIX_BITS,
    hash_known_ngrams,
    hash_ngrams,
    hash_prefixes,
    is_among,
    split_words,
)

ROWS_PER_READ = 20_000


def longest_passage(copied: np.ndarray) -> int:
    """Words of the longest stretch in which every word 8-gram is copied; 0 without one. `copied`: bool [words − 7]."""
    longest = current = 0
    for is_copied in copied.tolist():
        current = current + 1 if is_copied else 0
        longest = max(longest, current)
    return longest + COPIED - 1 if longest else 0


class Copies:
    """The longest copied passage of each text; `look_up` takes all texts at once.

    Args:
        files: parquet files of the training split, with a column `output`.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = list(files)
        self.words_of_text: dict[str, tuple[int, int]] = {}

    def look_up(self, texts: list[str]) -> None:
        """Search the training split for every word 8-gram of the texts."""
        different = sorted(set(texts))
        words = split_words(pa.array(different, pa.string()))
        vocabulary = words.flatten().unique()
        numbers = self.number(words, vocabulary)
        hashes = [hash_ngrams(part, COPIED) if len(part) >= COPIED else np.zeros(0, np.uint64) for part in numbers]
        wanted = np.unique(np.concatenate([*hashes, np.zeros(0, np.uint64)]), sorted=True)
        seen = self.search(wanted, vocabulary)
        for text, part, ngrams in zip(different, numbers, hashes, strict=True):
            total = len(part) if text.strip() else 0
            self.words_of_text[text] = longest_passage(is_among(ngrams, seen)), total

    def copied_words(self, text: str) -> tuple[int, int]:
        """Words of the text's longest copied passage, and all its words. Raises KeyError for a text that was not looked up."""
        return self.words_of_text[text]

    @staticmethod
    def number(words: pa.ListArray, vocabulary: pa.Array) -> list[np.ndarray]:
        """The words of each text as indices into the vocabulary."""
        flat = pc.index_in(words.flatten(), value_set=vocabulary).to_numpy(zero_copy_only=False)
        sizes = pc.list_value_length(words).to_numpy(zero_copy_only=False)
        return [part[:size] for part, size in zip(np.split(flat, np.cumsum(sizes)[:-1]), sizes, strict=True)]

    def search(self, wanted: np.ndarray, vocabulary: pa.Array) -> np.ndarray:
        """Those of the wanted hashes that a description of the training split has."""
        unseen, prefixes = wanted, np.zeros(1 << PREFIX_BITS, dtype=bool)
        for file in self.files:
            for batch in pq.ParquetFile(file).iter_batches(ROWS_PER_READ, columns=["output"]):
                prefixes[:] = False
                prefixes[hash_prefixes(unseen)] = True
                hashes, _ = hash_known_ngrams(split_words(batch.column(0)), vocabulary, COPIED)
                hashes = hashes[prefixes[hash_prefixes(hashes)]]
                unseen = unseen[~is_among(unseen, np.sort(hashes))]
        return wanted[~is_among(wanted, unseen)]
