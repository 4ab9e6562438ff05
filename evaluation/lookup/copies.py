"""Finds the longest passage of each generated text that occurs word for word in the training split (measure "verbatim_copy").

The training split is read once, batch by batch, after the texts are generated: the index holds the word 8-grams of the texts,
which are few, and not those of 1.2 million descriptions.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from evaluation.measures.scripts import SPACES, meets
from evaluation.processes import FEWEST_ROWS, run_all, workers
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
LETTERS = 16  # letters per n-gram in scripts without spaces, where two letters make a word on average


def longest_passage(occurs: np.ndarray, n: int = N) -> int:
    """Number of words of the longest passage whose word n-grams all occur; 0 if none occurs. `occurs`: bool [words - n + 1]."""
    longest = current = 0
    for hit in occurs.tolist():
        current = current + 1 if hit else 0
        longest = max(longest, current)
    return longest + n - 1 if longest else 0


def covered_words(occurs: np.ndarray, n: int = N) -> int:
    """Number of words that lie in any n-gram that occurs; `occurs`: bool [words - n + 1]."""
    return int((np.convolve(occurs, np.ones(n, dtype=np.int64)) > 0).sum()) if len(occurs) else 0


class Copies:
    """The longest copied passage of each text. `look_up` must get all texts before `copied_words` is called.

    Args:
        files: parquet files of the training split, with a column `output`.
    """

    def __init__(self, files: Iterable[Path]) -> None:
        self.files = list(files)
        self.passages: dict[str, tuple[int, int]] = {}
        self.covered: dict[str, int] = {}

    def look_up(self, texts: list[str]) -> None:
        """Search the training split for every word 8-gram of the texts; for every letter 16-gram of scripts without spaces."""
        unique_texts = sorted(set(texts))
        for n, spaced in ((N, True), (LETTERS, False)):
            if chosen := [text for text in unique_texts if meets(SPACES, text) == spaced]:
                self.look_up_ngrams(chosen, n)

    def look_up_ngrams(self, texts: list[str], n: int) -> None:
        """Search the training split for every word n-gram of distinct texts."""
        words = split_words(pa.array(texts, pa.string()))
        vocabulary = words.flatten().unique()
        word_ids = self.word_ids(words, vocabulary)
        hashes = [ngram_hashes(ids, n) if len(ids) >= n else np.zeros(0, np.uint64) for ids in word_ids]
        ngrams_of_texts = np.unique(np.concatenate([*hashes, np.zeros(0, np.uint64)]), sorted=True)
        occurring = self.search(ngrams_of_texts, vocabulary, n)
        for text, ids, ngrams in zip(texts, word_ids, hashes, strict=True):
            occurs = is_in_sorted(ngrams, occurring)
            self.passages[text] = longest_passage(occurs, n), len(ids) if text.strip() else 0
            self.covered[text] = covered_words(occurs, n)

    def copied_words(self, text: str) -> tuple[int, int]:
        """Number of words of the text's longest copied passage, and of the text. Raises KeyError if it was not looked up."""
        return self.passages[text]

    def all_copied_words(self, text: str) -> tuple[int, int]:
        """Number of words of all copied passages of the text, and of the text. Raises KeyError if it was not looked up."""
        return self.covered[text], self.passages[text][1]

    @staticmethod
    def word_ids(words: pa.ListArray, vocabulary: pa.Array) -> list[np.ndarray]:
        """The words of each text, as indices into the vocabulary."""
        indices = pc.index_in(words.flatten(), value_set=vocabulary)  # pyright: ignore[reportAttributeAccessIssue]
        flat = indices.to_numpy(zero_copy_only=False)
        sizes = words.value_lengths().to_numpy(zero_copy_only=False)
        return [ids[:size] for ids, size in zip(np.split(flat, np.cumsum(sizes)[:-1]), sizes, strict=True)]

    def search(self, ngrams: np.ndarray, vocabulary: pa.Array, n: int = N) -> np.ndarray:
        """The given n-gram hashes that occur in a description of the training split."""
        footers = {file: pq.read_metadata(file) for file in self.files}
        groups = [(file, group) for file, footer in footers.items() for group in range(footer.num_row_groups)]
        processes = workers(sum(footer.num_rows for footer in footers.values()), FEWEST_ROWS)
        calls = [(unseen_ngrams, (ngrams, vocabulary, n, groups[first::processes])) for first in range(processes)]
        unseen = ngrams
        for of_process in run_all(calls, processes):
            unseen = unseen[is_in_sorted(unseen, of_process)]
        return ngrams[~is_in_sorted(ngrams, unseen)]


def unseen_ngrams(ngrams: np.ndarray, vocabulary: pa.Array, n: int, groups: Sequence[tuple[Path, int]]) -> np.ndarray:
    """The given n-gram hashes, sorted, that occur in no description of these row groups of parquet files."""
    unseen, may_occur = ngrams, np.zeros(1 << TABLE_BITS, dtype=bool)
    for file, group in groups:
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, row_groups=[group], columns=["output"]):
            may_occur[:] = False
            may_occur[table_index(unseen)] = True
            batch_hashes, _ = known_ngrams(split_words(batch.column(0)), vocabulary, n)
            batch_hashes = batch_hashes[may_occur[table_index(batch_hashes)]]
            unseen = unseen[~is_in_sorted(unseen, np.sort(batch_hashes))]
    return unseen
