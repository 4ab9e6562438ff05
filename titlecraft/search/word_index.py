"""BM25 index of one text column, built in slices, stored on disk and memory-mapped. Scores equal those of bm25s."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

BLOCK = 1024  # rows with one maximum


def query_words(text: str) -> list[str]:
    """Return the distinct words of a text as bm25s tokenises it: lower case, two letters or more, without English stop words."""
    from bm25s import tokenize

    words: Any = tokenize([text], stopwords="en", return_ids=False, show_progress=False)[0]
    return list(dict.fromkeys(words))


class Words:
    """The words of a column as 4-byte ids, from which an index is built."""

    def __init__(self) -> None:
        self.vocabulary: dict[str, int] = {}
        self.numbers: list[np.ndarray] = []
        self.lengths: list[np.ndarray] = []

    def add(self, texts: list[str]) -> None:
        """Append rows."""
        from bm25s import tokenize

        tokenized: Any = tokenize(texts, stopwords="en", show_progress=False)  # bm25s' Tokenized
        ids = self.vocabulary
        words = tokenized.vocab
        word_ids = np.fromiter((ids.setdefault(word, len(ids)) for word in words), np.int32, len(words))
        lengths = np.fromiter(map(len, tokenized.ids), np.int64, len(tokenized.ids))
        flat = np.fromiter(chain.from_iterable(tokenized.ids), np.int32, int(lengths.sum()))
        self.numbers.append(word_ids[flat])
        self.lengths.append(lengths)

    def counts(self) -> Any:
        """Return the word counts, csr_matrix [rows, words] of uint16. Frees the word ids."""
        from scipy.sparse import csr_matrix

        ends = np.concatenate([np.zeros(1, np.int64), np.cumsum(np.concatenate(self.lengths))])
        flat, self.numbers = np.concatenate(self.numbers), []
        counts = csr_matrix((np.ones(len(flat), np.uint16), flat, ends), shape=(len(ends) - 1, len(self.vocabulary)))
        counts.sum_duplicates()
        return counts


def weigh(counts: Any, lengths: np.ndarray, k1: float, b: float) -> Any:
    """Return the BM25 weight of each word in each row, csc_matrix [rows, words] of float32, from counts and row lengths.

    The formula is Lucene's (Kamphuis et al. 2020), the default of bm25s, which would need a Python list of all words
    and a sort.
    """
    rows_with = np.bincount(counts.indices, minlength=counts.shape[1])
    rarity = np.log1p((len(lengths) - rows_with + 0.5) / (rows_with + 0.5)).astype(np.float32)
    long = (k1 * ((1 - b) + b * lengths / max(1e-9, lengths.mean()))).astype(np.float32)
    weights = counts.data.astype(np.float32)
    weights /= weights + np.repeat(long, np.diff(counts.indptr))
    weights *= rarity[counts.indices]
    counts.data = weights
    return counts.tocsc()


def save_index(words: Words, folder: Path) -> None:
    """Write the index of all added rows in bm25s' format."""
    from bm25s import BM25

    index = BM25(backend="numpy")
    lengths = np.concatenate(words.lengths)
    weights = weigh(words.counts(), lengths, index.k1, index.b)
    index.scores = {
        "data": weights.data,
        "indices": weights.indices.astype(np.int32),
        "indptr": weights.indptr.astype(np.int64),
        "num_docs": len(lengths),
    }
    index.vocab_dict, index.nonoccurrence_array = words.vocabulary, None  # what its own index() would have set
    index.save(folder, show_progress=False)


class WordIndex:
    """An index on disk. Its arrays are memory-mapped; the vocabulary is in memory."""

    def __init__(self, folder: Path) -> None:
        from bm25s import BM25

        self.index = BM25.load(folder, mmap=True, show_progress=False)

    def scores(self, words: list[str]) -> np.ndarray:
        """Return BM25 of every row for these words, float32 [rows]; all 0 if the vocabulary has none of them."""
        return self.index.get_scores_from_ids(self.index.get_tokens_ids(words))


def best(scores: np.ndarray, limit: int) -> np.ndarray:
    """Return up to `limit` rows with positive scores, best first, ties by row number.

    The `limit` best rows are in the `limit` blocks with the highest maxima, or in blocks that tie with the lowest of
    these.
    """
    if not len(scores):
        return np.zeros(0, np.int64)
    maxima = np.maximum.reduceat(scores, np.arange(0, len(scores), BLOCK))
    border = np.partition(maxima, -limit)[-limit] if len(maxima) > limit else 0
    blocks = np.flatnonzero((maxima >= border) & (maxima > 0))
    rows = (blocks[:, None] * BLOCK + np.arange(BLOCK)).ravel()
    rows = rows[rows < len(scores)]
    candidates = scores[rows]
    if len(rows) > limit:
        border = np.partition(candidates, -limit)[-limit]
    rows = rows[(candidates >= border) & (candidates > 0)]  # includes all ties at the border
    return rows[np.lexsort((rows, -scores[rows]))][:limit]
