"""Finds descriptions of the test split with a near-duplicate in the training split (Jaccard similarity of word 5-grams).

The dataset builder estimates the similarity by sketches, and only if its recipe says so. An evaluation computes it exactly,
whoever built the dataset. A numpy filter first skips rows that share few n-grams with all test descriptions.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from titlecraft.search.word_ngrams import (
    TABLE_BITS,
    is_in_sorted,
    known_ngrams,
    split_words,
    table_index,
)

N, SIMILARITY = 5, 0.8  # as in the dataset builder


class NGrams:
    """The hashes of the distinct word 5-grams of some texts, and the texts that contain each.

    Args:
        texts: distinct texts; one of fewer than five words has no 5-gram and no near-duplicate.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)
        words = split_words(pa.array(texts, pa.string()))
        self.vocabulary = words.flatten().unique()
        hashes, rows = known_ngrams(words, self.vocabulary, N)
        pairs = np.unique(np.rec.fromarrays([hashes, rows]))  # by hash, then by text
        self.hashes, self.owners = pairs["f0"], pairs["f1"]
        self.table = np.zeros(1 << TABLE_BITS, dtype=bool)  # a cheap filter by the leading bits of a hash
        self.table[table_index(self.hashes)] = True
        self.sizes = np.bincount(self.owners, minlength=len(texts))

    def near(self, words: pa.ListArray) -> Iterator[int]:
        """Yield the indices of the texts that are near-duplicates of one of these rows, given as words."""
        hashes, rows = known_ngrams(words, self.vocabulary, N)
        possible = self.table[table_index(hashes)]
        hashes, rows = hashes[possible], rows[possible]
        contained = is_in_sorted(hashes, self.hashes)
        hashes, rows = hashes[contained], rows[contained]
        borders = np.searchsorted(rows, np.arange(len(words) + 1, dtype=rows.dtype))
        known = np.diff(borders)
        counts = np.maximum(1, words.value_lengths().to_numpy(zero_copy_only=False) - N + 1)
        # half of SIMILARITY, because repeated 5-grams count each time here; this misses only rows with many repetitions
        for row in np.flatnonzero(known >= SIMILARITY / 2 * counts):
            row_words = words[row].as_py()
            size = len({tuple(row_words[start : start + N]) for start in range(len(row_words) - N + 1)})
            distinct = np.unique(hashes[borders[row] : borders[row + 1]])
            if len(distinct) < SIMILARITY * size:  # the intersection has at most `distinct`, the union at least `size`
                continue
            bounds = (np.searchsorted(self.hashes, distinct, side).tolist() for side in ("left", "right"))
            shared = Counter(
                owner for bound in zip(*bounds, strict=True) for owner in self.owners[slice(*bound)].tolist()
            )
            for owner, intersection in shared.items():
                if intersection >= SIMILARITY * (self.sizes[owner] + size - intersection):
                    yield owner
