"""MinHash sketches of texts, 256 bytes each, to estimate their Jaccard similarity (Broder 1997).

A text is the set of its word 5-grams, case ignored. `rensa` computes the sketches from the hashes of the 5-grams. Only the
lowest 16 bits of each value are kept (b-bit minwise hashing, Li & König 2010): two values agree by chance once in 65,536.

Words are separated by spaces. The sketches therefore cannot compare texts of fewer than five words, nor texts in scripts
without spaces; `measurable` returns which texts they can compare.
"""

import os
import re

import numpy as np

os.environ.setdefault("RAYON_NUM_THREADS", "1")  # before rensa's first import: processes, not threads, share the work
from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue]  # compiled, without stubs

from titlecraft.search.word_ngrams import shingles

WORDS = 5
VALUES = 128
SEED = 42
BATCH_CHARACTERS = 1 << 17
# Thai and Lao, Tibetan, Burmese, Khmer, Kana, Bopomofo, CJK ideographs (also full-width, and beyond the first plane)
UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u312f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
SAMPLED = 256  # characters; of a longer text only every eighth one is counted
MOST_UNSPACED = 4  # at most one in this many characters: a word takes about six letters or two ideographs


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
    """Return whether a cleaned text has five words or more, and at most a quarter of its characters in scripts without spaces."""
    if text.count(" ") < WORDS - 1:
        return False
    if text.isascii():
        return True
    sample = text if len(text) < SAMPLED else text[::8]
    return MOST_UNSPACED * len(UNSPACED.findall(sample)) <= len(sample)


def resemblance(left: str, right: str) -> float:
    """Return the exact Jaccard similarity of two texts' word 5-grams."""
    hashes, borders = shingles([left, right], WORDS)
    first, second = set(hashes[: borders[1]].tolist()), set(hashes[borders[1] :].tolist())
    return len(first & second) / len(first | second)
