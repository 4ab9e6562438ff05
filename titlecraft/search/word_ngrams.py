"""Word n-grams (shingles) of texts: as tuples, and as 64-bit hashes of whole batches of texts at once.

Two hashes: `shingles` is a rolling polynomial over the bytes of a batch (Karp & Rabin 1987), for MinHash sketches of every
text of a catalogue. `ngram_hashes` is a multiplicative hash over the words' indices in a vocabulary, for looking up the
n-grams of a few texts in many.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from titlecraft.search.scripts import units, units_of_all

pc: Any = pyarrow.compute  # its functions are made when it is imported

BATCH_ROWS = 20_000
MULTIPLIER = 0x9E3779B97F4A7C15  # Knuth's multiplicative hash, 64 bit; odd, so it has an inverse modulo 2**64
TABLE_BITS = 24  # leading bits of a hash that index a table of booleans
BYTE_VALUES = np.random.default_rng(42).integers(1, 2**63, 256, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
SPACE = 32


def word_ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """Return the word n-grams of a text in order, case folded; empty for fewer than `n` words (see scripts.py)."""
    words = units(text).casefold().split()
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


def split_words(texts: pa.Array) -> pa.ListArray:
    """Split texts into words in lower case (see scripts.py); an empty text has one empty word."""
    return pc.utf8_split_whitespace(pc.utf8_lower(pc.utf8_trim_whitespace(units_of_all(pc.fill_null(texts, "")))))


def ngram_hashes(words: np.ndarray, n: int) -> np.ndarray:
    """Return the hash of every n-gram of word indices, uint64 [words - n + 1]."""
    single = hashes = words.astype(np.uint64)
    width = 1
    while width < n:  # widths double while they fit, then grow by one word
        more = width if 2 * width <= n else 1
        factor = np.uint64(pow(MULTIPLIER, more, 1 << 64))
        following = hashes if more == width else single
        hashes = hashes[:-more] * factor + following[width:]
        width += more
    return hashes


def known_ngrams(words: pa.ListArray, vocabulary: pa.Array, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the n-grams with only words of the vocabulary: their hashes, uint64, and the index of their text, int32."""
    word_ids = pc.index_in(words.flatten(), value_set=vocabulary)
    unknown = pc.is_null(word_ids).to_numpy(zero_copy_only=False)
    indices = pc.fill_null(word_ids, 0).to_numpy(zero_copy_only=False)
    if len(indices) < n:
        return np.zeros(0, np.uint64), np.zeros(0, np.int32)
    unknown_before = np.zeros(len(indices) + 1, dtype=np.int32)
    np.cumsum(unknown, out=unknown_before[1:])
    sizes = pc.list_value_length(words).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    valid = (unknown_before[n:] == unknown_before[:-n]) & (row[n - 1 :] == row[: len(row) - n + 1])
    return ngram_hashes(indices, n)[valid], row[n - 1 :][valid]


def table_index(hashes: np.ndarray) -> np.ndarray:
    """Return the index of each hash in a table of 1 << TABLE_BITS booleans, which rules out most hashes cheaply."""
    return hashes >> np.uint64(64 - TABLE_BITS)


def is_in_sorted(hashes: np.ndarray, ordered: np.ndarray) -> np.ndarray:
    """Return which of the hashes are in the sorted array, bool. (np.isin would sort both arrays in every call.)"""
    if not len(ordered):
        return np.zeros(len(hashes), dtype=bool)
    return ordered[np.minimum(np.searchsorted(ordered, hashes), len(ordered) - 1)] == hashes


@lru_cache(maxsize=4)
def both_powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return `count` powers of MULTIPLIER with exponents 0, 1, … and with exponents 0, -1, …, modulo 2**64."""
    factors = np.full((2, count), MULTIPLIER, dtype=np.uint64)
    factors[1] = pow(MULTIPLIER, -1, 2**64)
    factors[:, 0] = 1
    positive, negative = np.multiply.accumulate(factors, axis=1)
    return positive, negative


def mix(values: np.ndarray) -> np.ndarray:
    """Mix the bits of uint64 values (the finaliser of MurmurHash3, Appleby 2011)."""
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xFF51AFD7ED558CCD)
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def shingles(texts: list[str], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the hashes of the word n-grams of all texts, uint64, and the index of each text's first hash, uint64 [texts + 1].

    Words are separated by single spaces or line breaks, as in cleaned texts, or as scripts.py says; case is ignored. A text of fewer words is one n-gram.
    """
    encoded = [units(text).lower().encode().replace(b"\n", b" ") for text in texts]
    letters = np.frombuffer(b" ".join([*encoded, b""]), np.uint8)
    positive, negative = both_powers(1 << len(letters).bit_length())
    sums = np.zeros(len(letters) + 1, dtype=np.uint64)
    np.cumsum(BYTE_VALUES[letters] * positive[: len(letters)], out=sums[1:])
    ends = np.flatnonzero(letters == SPACE)  # of each word, over all texts
    starts = np.concatenate([[0], ends[:-1] + 1])
    last_words = np.searchsorted(ends, np.cumsum([len(text) + 1 for text in encoded]) - 1)
    first_words = np.concatenate([[0], last_words[:-1] + 1])
    counts = np.maximum(last_words - first_words + 1 - (n - 1), 1)
    borders = np.concatenate([[0], np.cumsum(counts)])
    first = np.arange(borders[-1]) + np.repeat(first_words - borders[:-1], counts)  # the first word of each n-gram
    last = np.minimum(first + n - 1, np.repeat(last_words, counts))
    return mix((sums[ends[last]] - sums[starts[first]]) * negative[starts[first]]), borders.astype(np.uint64)
