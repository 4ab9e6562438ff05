"""Descriptions of the test split that nearly equal one of the training split, by the Jaccard similarity of their word 5-grams.

The dataset builder keeps near copies in one split by sketches, where its recipe asks for it. An evaluation compares exactly,
whoever built the dataset. numpy passes over rows that share little with all test descriptions.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.processes import run_all, workers
from titlecraft.search.word_ngrams import (
    NEAR_COPY,
    PREFIX_BITS,
    SHINGLE,
    hash_known_ngrams,
    hash_prefixes,
    is_among,
    split_words,
)

ROWS_PER_READ = 20_000
FEWEST_ROWS = 200_000  # of the training split: searching fewer rows takes less time than starting processes


class ShingleIndex:
    """The different word 5-grams of some texts, by their hashes, and the texts that have each.

    Args:
        texts: different texts; one of fewer than five words has no 5-gram and no near copy.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = texts
        words = split_words(pa.array(texts, pa.string()))
        self.vocabulary = words.flatten().unique()
        hashes, rows = hash_known_ngrams(words, self.vocabulary, SHINGLE)
        pairs = np.unique(np.rec.fromarrays([hashes, rows]))  # by hash, then by text
        self.hashes, self.owners = pairs.f0, pairs.f1
        self.prefixes = np.zeros(1 << PREFIX_BITS, dtype=bool)
        self.prefixes[hash_prefixes(self.hashes)] = True
        self.sizes = np.bincount(self.owners, minlength=len(texts))

    def near(self, words: pa.ListArray) -> Iterator[int]:
        """Indices of the texts of which one of these rows, given as words, is a near copy."""
        hashes, rows = hash_known_ngrams(words, self.vocabulary, SHINGLE)
        possible = self.prefixes[hash_prefixes(hashes)]
        hashes, rows = hashes[possible], rows[possible]
        shared = is_among(hashes, self.hashes)
        hashes, rows = hashes[shared], rows[shared]
        borders = np.searchsorted(rows, np.arange(len(words) + 1, dtype=rows.dtype))
        known = np.diff(borders)
        shingles = np.maximum(1, words.value_lengths().to_numpy(zero_copy_only=False) - SHINGLE + 1)
        # Half of NEAR_COPY: a 5-gram that a row repeats counts each time here. Only a row that chants another text is missed.
        for row in np.flatnonzero(known >= NEAR_COPY / 2 * shingles):
            row_words = words[row].as_py()
            size = len({tuple(row_words[at : at + SHINGLE]) for at in range(len(row_words) - SHINGLE + 1)})
            different = np.unique(hashes[borders[row] : borders[row + 1]])
            if len(different) < NEAR_COPY * size:  # an upper bound of the intersection, and a lower bound of the union
                continue
            ranges = (np.searchsorted(self.hashes, different, side).tolist() for side in ("left", "right"))
            shared_with = Counter(
                owner for bounds in zip(*ranges, strict=True) for owner in self.owners[slice(*bounds)].tolist()
            )
            for owner, both in shared_with.items():
                if both >= NEAR_COPY * (self.sizes[owner] + size - both):
                    yield owner


def near_copies(texts: Iterable[str], files: Iterable[Path], processes: int | None = None) -> set[str]:
    """Those of the texts that have a near copy among the `output`s of these parquet files; in several processes where it pays."""
    index, opened = ShingleIndex(sorted(set(texts))), {file: pq.read_metadata(file) for file in files}
    if not len(index.hashes):
        return set()
    groups = [(file, group) for file, metadata in opened.items() for group in range(metadata.num_row_groups)]
    processes = processes or workers(sum(metadata.num_rows for metadata in opened.values()), FEWEST_ROWS)
    found = run_all([(search_groups, (index, groups[first::processes])) for first in range(processes)], processes)
    return {index.texts[position] for positions in found for position in positions}


def search_groups(index: ShingleIndex, groups: Sequence[tuple[Path, int]]) -> set[int]:
    """Indices of the texts that have a near copy in these row groups, each of a parquet file."""
    batches = (
        batch
        for file, group in groups
        for batch in pq.ParquetFile(file).iter_batches(ROWS_PER_READ, row_groups=[group], columns=["output"])
    )
    return {position for batch in batches for position in index.near(split_words(batch.column(0)))}
