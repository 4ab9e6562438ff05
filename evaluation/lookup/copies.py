"""Finds the longest passage of each generated text that occurs word for word in the training split (measure "verbatim_copy").

The training split is read once, batch by batch, after the texts are generated: the index holds the word 8-grams of the texts,
which are few, and not those of 1.2 million descriptions.
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

N = 8  # words per n-gram


def longest_passage(occurs: np.ndarray) -> int:
    """Number of words of the longest passage whose word 8-grams all occur; 0 if none occurs. `occurs`: bool [words - 7]."""
    longest = current = 0
    for hit in occurs.tolist():
        current = current + 1 if hit else 0
        longest = max(longest, current)
    return longest + N - 1 if longest else 0


class Copies:
    """The longest copied passage of each text. `look_up` must get all texts before `copied_words` is called.

    Args:
        files: parquet files of the training split, with a column `output`.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = list(files)
        self.passages: dict[str, tuple[int, int]] = {}

    def look_up(self, texts: list[str]) -> None:
        """Search the training split for every word 8-gram of the texts."""
        unique_texts = sorted(set(texts))
        words = split_words(pa.array(unique_texts, pa.string()))
        vocabulary = words.flatten().unique()
        word_ids = self.word_ids(words, vocabulary)
        hashes = [ngram_hashes(ids, N) if len(ids) >= N else np.zeros(0, np.uint64) for ids in word_ids]
        ngrams_of_texts = np.unique(np.concatenate([*hashes, np.zeros(0, np.uint64)]), sorted=True)
        occurring = self.search(ngrams_of_texts, vocabulary)
        for text, ids, ngrams in zip(unique_texts, word_ids, hashes, strict=True):
            self.passages[text] = longest_passage(is_in_sorted(ngrams, occurring)), len(ids) if text.strip() else 0

    def copied_words(self, text: str) -> tuple[int, int]:
        """Number of words of the text's longest copied passage, and of the text. Raises KeyError if it was not looked up."""
        return self.passages[text]

    @staticmethod
    def word_ids(words: pa.ListArray, vocabulary: pa.Array) -> list[np.ndarray]:
        """The words of each text, as indices into the vocabulary."""
        indices = pc.index_in(words.flatten(), value_set=vocabulary)  # pyright: ignore[reportAttributeAccessIssue]
        flat = indices.to_numpy(zero_copy_only=False)
        sizes = words.value_lengths().to_numpy(zero_copy_only=False)
        return [ids[:size] for ids, size in zip(np.split(flat, np.cumsum(sizes)[:-1]), sizes, strict=True)]

    def search(self, ngrams: np.ndarray, vocabulary: pa.Array) -> np.ndarray:
        """The given n-gram hashes that occur in a description of the training split."""
        unseen, may_occur = ngrams, np.zeros(1 << TABLE_BITS, dtype=bool)
        for file in self.files:
            for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, columns=["output"]):
                may_occur[:] = False
                may_occur[table_index(unseen)] = True
                batch_hashes, _ = known_ngrams(split_words(batch.column(0)), vocabulary, N)
                batch_hashes = batch_hashes[may_occur[table_index(batch_hashes)]]
                unseen = unseen[~is_in_sorted(unseen, np.sort(batch_hashes))]
        return ngrams[~is_in_sorted(ngrams, unseen)]
