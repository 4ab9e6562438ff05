"""Word n-grams, also called shingles: plain tuples of one text, and 64-bit hashes of many texts at once in numpy and pyarrow.

Words stand between white space. The hashes of `hash_ngrams` number words by a vocabulary, so that they hold within one search;
those of `hash_shingles` depend on the text alone and go into MinHash sketches.
"""

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

SHINGLE = 5  # words: near copies of descriptions are compared by their word 5-grams
NEAR_COPY = 0.8  # Jaccard similarity of two texts' word 5-grams from which one is a near copy of the other
COPIED = 8  # words: a passage is copied where its word 8-grams stand elsewhere in the same order
MULTIPLIER = 0x9E3779B97F4A7C15  # Knuth's multiplicative hash, 64 bit; odd, so that it has an inverse modulo 2**64
GENERATOR = np.random.default_rng(42)
BYTE_HASHES = GENERATOR.integers(1, 2**63, 256, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
SPACE = 32
PREFIX_BITS = 24  # of a hash: see hash_prefixes


def word_ngrams(text: str, n: int) -> list[tuple[str, ...]]:
    """All word n-grams of a text in its order, case folded; none where it has fewer than n words."""
    words = text.casefold().split()
    return [tuple(words[start : start + n]) for start in range(len(words) - n + 1)]


def split_words(texts: pa.Array) -> pa.ListArray:
    """Words of each text between white space, in lower case; an empty text has one empty word."""
    return pc.utf8_split_whitespace(pc.utf8_lower(pc.utf8_trim_whitespace(pc.fill_null(texts, ""))))


def hash_ngrams(numbers: np.ndarray, n: int) -> np.ndarray:
    """Hash of every n-gram of a sequence of word numbers, uint64 [len(numbers) − n + 1].

    The width of the hashed n-grams doubles (2, 4, 8, …) as long as it fits, then grows by one.
    """
    single = hashes = numbers.astype(np.uint64)
    width = 1
    while width < n:
        more = width if 2 * width <= n else 1
        factor = np.uint64(pow(MULTIPLIER, more, 1 << 64))
        behind = hashes if more == width else single
        hashes = hashes[:-more] * factor + behind[width:]
        width += more
    return hashes


def hash_known_ngrams(words: pa.ListArray, vocabulary: pa.Array, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the n-grams within one text whose words are all in the vocabulary, and the text's index of each, int32."""
    indices = pc.index_in(words.flatten(), value_set=vocabulary)
    unknown = pc.is_null(indices).to_numpy(zero_copy_only=False)
    numbers = pc.fill_null(indices, 0).to_numpy(zero_copy_only=False)
    if len(numbers) < n:
        return np.zeros(0, np.uint64), np.zeros(0, np.int32)
    unknown_before = np.zeros(len(numbers) + 1, dtype=np.int32)
    np.cumsum(unknown, out=unknown_before[1:])
    sizes = pc.list_value_length(words).to_numpy(zero_copy_only=False)
    row = np.repeat(np.arange(len(sizes), dtype=np.int32), sizes)
    whole = (unknown_before[n:] == unknown_before[:-n]) & (row[n - 1 :] == row[: len(row) - n + 1])
    return hash_ngrams(numbers, n)[whole], row[n - 1 :][whole]


def hash_prefixes(hashes: np.ndarray) -> np.ndarray:
    """First PREFIX_BITS bits of each hash: its index in a table of 1 << PREFIX_BITS flags, for a cheap first look."""
    return hashes >> np.uint64(64 - PREFIX_BITS)


def is_among(hashes: np.ndarray, sorted_hashes: np.ndarray) -> np.ndarray:
    """Which of the hashes are among the sorted ones, bool. np.isin would sort both sides anew in every call."""
    if not len(sorted_hashes):
        return np.zeros(len(hashes), dtype=bool)
    return sorted_hashes[np.minimum(np.searchsorted(sorted_hashes, hashes), len(sorted_hashes) - 1)] == hashes


@lru_cache(maxsize=4)
def both_powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """MULTIPLIER**0, MULTIPLIER**1, … and MULTIPLIER**0, MULTIPLIER**-1, … modulo 2**64, `count` of each."""
    factors = np.full((2, count), MULTIPLIER, dtype=np.uint64)
    factors[1] = pow(MULTIPLIER, -1, 2**64)
    factors[:, 0] = 1
    up, down = np.multiply.accumulate(factors, axis=1)
    return up, down


def mix(values: np.ndarray) -> np.ndarray:
    """Spread uint64 over all their bits (the finaliser of MurmurHash3, Appleby 2011)."""
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xFF51AFD7ED558CCD)
    values = values ^ (values >> np.uint64(33))
    values = values * np.uint64(0xC4CEB9FE1A85EC53)
    return values ^ (values >> np.uint64(33))


def hash_shingles(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of the word 5-grams of each text, and the index at which each text's hashes begin (one more than there are texts).

    A rolling polynomial hash (Karp & Rabin 1987) over the bytes of all texts at once. Words stand between single spaces, as the
    dataset builder's cleaning leaves them. A text of fewer than five words is one shingle.
    """
    encoded = [text.lower().encode() for text in texts]
    letters = np.frombuffer(b" ".join([*encoded, b""]), np.uint8)
    up, down = both_powers(1 << len(letters).bit_length())
    sums = np.zeros(len(letters) + 1, dtype=np.uint64)
    np.cumsum(BYTE_HASHES[letters] * up[: len(letters)], out=sums[1:])
    ends = np.flatnonzero(letters == SPACE)  # of each word, over all texts
    starts = np.concatenate([[0], ends[:-1] + 1])
    last_words = np.searchsorted(ends, np.cumsum([len(text) + 1 for text in encoded]) - 1)
    first_words = np.concatenate([[0], last_words[:-1] + 1])
    counts = np.maximum(last_words - first_words + 1 - (SHINGLE - 1), 1)
    borders = np.concatenate([[0], np.cumsum(counts)])
    first = np.arange(borders[-1]) + np.repeat(first_words - borders[:-1], counts)  # the first word of each shingle
    last = np.minimum(first + SHINGLE - 1, np.repeat(last_words, counts))
    return mix((sums[ends[last]] - sums[starts[first]]) * down[starts[first]]), borders.astype(np.uint64)
