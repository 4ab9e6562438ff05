"""Which descriptions of the test split are nearly one of the training split: Jaccard similarity of their word 5-grams.

The dataset builder keeps such rows in one split by sketches, where its recipe asks for it. An evaluation does not take its word:
it compares exactly, whoever built the dataset. Rows that share little with all test descriptions are passed over in numpy.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluation.processes import run_all, workers
from titlecraft.search.word_ngrams import (
    BATCH_ROWS,
    TABLE_BITS,
    is_in_sorted,
    known_ngrams,
    split_words,
    table_index,
)

N, ALIKE = 5, 0.8  # those of the dataset builder
FEWEST_ROWS = 200_000  # of the training split: fewer are searched sooner than processes start


class NGrams:
    """The distinct word 5-grams of some texts by their hashes, and the texts that hold each.

    Args:
        texts: different ones; one of fewer than five words has no 5-gram and is near nothing.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts = list(texts)
        words = split_words(pa.array(texts, pa.string()))
        self.vocabulary = words.flatten().unique()
        hashes, rows = known_ngrams(words, self.vocabulary, N)
        pairs = np.unique(np.rec.fromarrays([hashes, rows]))  # by hash, then by text
        self.hashes, self.owners = pairs["f0"], pairs["f1"]
        self.look = np.zeros(1 << TABLE_BITS, dtype=bool)  # a first and cheap look: the first bits of a hash
        self.look[table_index(self.hashes)] = True
        self.sizes = np.bincount(self.owners, minlength=len(texts))

    def near(self, words: pa.ListArray) -> Iterator[int]:
        """Places of the texts that are near one of these rows, given as words."""
        hashes, rows = known_ngrams(words, self.vocabulary, N)
        seen = self.look[table_index(hashes)]
        hashes, rows = hashes[seen], rows[seen]
        held = is_in_sorted(hashes, self.hashes)
        hashes, rows = hashes[held], rows[held]
        borders = np.searchsorted(rows, np.arange(len(words) + 1, dtype=rows.dtype))
        known = np.diff(borders)
        counts = np.maximum(1, words.value_lengths().to_numpy(zero_copy_only=False) - N + 1)
        # half of ALIKE, because a 5-gram that a row repeats counts each time here; only a row that repeats itself many times is missed
        for row in np.flatnonzero(known >= ALIKE / 2 * counts):
            whole = words[row].as_py()
            size = len({tuple(whole[at : at + N]) for at in range(len(whole) - N + 1)})
            different = np.unique(hashes[borders[row] : borders[row + 1]])
            if len(different) < ALIKE * size:  # what both have is no more than that, what either has no less than size
                continue
            places = (np.searchsorted(self.hashes, different, side).tolist() for side in ("left", "right"))
            shared = Counter(
                owner for some in zip(*places, strict=True) for owner in self.owners[slice(*some)].tolist()
            )
            for owner, both in shared.items():
                if both >= ALIKE * (self.sizes[owner] + size - both):
                    yield owner


def near_copies(texts: Iterable[str], files: Iterable[Path], processes: int | None = None) -> set[str]:
    """Those of the texts that are nearly an `output` of these parquet files, at least ALIKE; in several processes where it pays."""
    ngrams, opened = NGrams(sorted(set(texts))), {file: pq.read_metadata(file) for file in files}
    if not len(ngrams.hashes):
        return set()
    groups = [(file, group) for file, about in opened.items() for group in range(about.num_row_groups)]
    processes = processes or workers(sum(about.num_rows for about in opened.values()), FEWEST_ROWS)
    found = run_all([(places_near, (ngrams, groups[first::processes])) for first in range(processes)], processes)
    return {ngrams.texts[place] for places in found for place in places}


def places_near(ngrams: NGrams, groups: Sequence[tuple[Path, int]]) -> set[int]:
    """Places of the texts that are near a row of these row groups, each of a parquet file."""
    batches = (
        batch
        for file, group in groups
        for batch in pq.ParquetFile(file).iter_batches(BATCH_ROWS, row_groups=[group], columns=["output"])
    )
    return {place for batch in batches for place in ngrams.near(split_words(batch.column(0)))}
