"""MinHash sketches of texts, 256 bytes each, to estimate their Jaccard similarity (Broder 1997).

A text is the set of its word 5-grams, case ignored. `rensa` computes the sketches from the hashes of the 5-grams. Only the
lowest 16 bits of each value are kept (b-bit minwise hashing, Li & König 2010): two values agree by chance once in 65,536.

In scripts without spaces a letter counts as a word (titlecraft/search/scripts.py). The sketches cannot compare texts of fewer than
five words; `measurable` returns which texts they can compare.
"""

import os

import numpy as np

os.environ.setdefault("RAYON_NUM_THREADS", "1")  # before rensa's first import: processes, not threads, share the work
from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]  # compiled, without stubs

from titlecraft.search.scripts import count_words
from titlecraft.search.word_ngrams import shingles

WORDS = 5
VALUES = 128
SEED = 42
BATCH_CHARACTERS = 1 << 17


def sketch(texts: list[str]) -> np.ndarray:
    """Return the sketches of texts; uint16 of shape (texts, 128)."""
    batches, start = [np.empty((0, VALUES), dtype=np.uint16)], 0
    while start < len(texts):
        end, size = start, 0
        while end < len(texts) and (size < BATCH_CHARACTERS or end == start):
            size += len(texts[end])
            end += 1
        hashes, borders = shingles(texts[start:end], WORDS)
        rows = RMinHash.digest_matrix_from_flat_token_hashes(hashes, borders, num_perm=VALUES, seed=SEED).to_rows()
        batches.append(np.array(rows, dtype=np.uint32).astype(np.uint16))
        start = end
    return np.concatenate(batches)


def measurable(texts: list[str]) -> np.ndarray:
    """Return True for each text that sketches can compare; bool of shape (texts,)."""
    return np.fromiter(map(has_words, texts), bool, len(texts))


def has_words(text: str) -> bool:
    """Return whether a cleaned text has five words or more; in scripts without spaces, five letters."""
    return count_words(text, WORDS) == WORDS


def resemblance(left: str, right: str) -> float:
    """Return the exact Jaccard similarity of two texts' word 5-grams."""
    hashes, borders = shingles([left, right], WORDS)
    first, second = set(hashes[: borders[1]].tolist()), set(hashes[borders[1] :].tolist())
    return len(first & second) / len(first | second)
