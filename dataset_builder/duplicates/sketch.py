"""MinHash sketches of texts: how alike two texts are, from 256 bytes for each (Broder 1997).

A text is the set of its runs of five words, case ignored; two texts are as alike as their sets (Jaccard). The runs are
hashed by a rolling polynomial (Karp & Rabin 1987) over whole batches at once, and `rensa` makes the sketches. Only the
lowest 16 bits of each value are kept (b-bit minwise hashing, Li & König 2010): two values agree by chance once in 65,536.

Words are what stands between spaces. So the measure says nothing of texts of fewer than five words, nor of scripts that are
written without spaces: `measurable` tells which texts it can compare.
"""

import os
import re
from functools import lru_cache

import numpy as np

os.environ.setdefault("RAYON_NUM_THREADS", "1")  # before rensa's first import: processes, not threads, share the work
from rensa import RMinHash

WORDS = 5
VALUES = 128
SEED = 42
BATCH_CHARACTERS = 1 << 17
GENERATOR = np.random.default_rng(SEED)
LETTERS = GENERATOR.integers(1, 2**63, 256, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
SPACE = 32
# Thai and Lao, Tibetan, Burmese, Khmer, Kana, Bopomofo, CJK ideographs (also full-width, and beyond the first plane)
UNSPACED = re.compile(
    "[\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u3040-\u312f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff]"
)
SAMPLED = 256  # characters; of a longer text every eighth one is looked at
MOST_UNSPACED = 4  # of so many characters one: a word takes about six letters and two ideographs


@lru_cache(maxsize=4)
def both_powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    """BASE**0, BASE**1, … and BASE**0, BASE**-1, … modulo 2**64, `count` of each."""
    factors = np.full((2, count), BASE, dtype=np.uint64)
    factors[1] = pow(BASE, -1, 2**64)
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


def shingles(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Hashes of all runs of five words of each text, and where each text's hashes begin (one more than there are texts).

    Words are what stands between single spaces, as cleaning leaves them. A text of fewer words is one run.
    """
    encoded = [text.lower().encode() for text in texts]
    letters = np.frombuffer(b" ".join([*encoded, b""]), np.uint8)
    up, down = both_powers(1 << len(letters).bit_length())
    sums = np.zeros(len(letters) + 1, dtype=np.uint64)
    np.cumsum(LETTERS[letters] * up[: len(letters)], out=sums[1:])
    ends = np.flatnonzero(letters == SPACE)  # of each word, over all texts
    starts = np.concatenate([[0], ends[:-1] + 1])
    last_words = np.searchsorted(ends, np.cumsum([len(text) + 1 for text in encoded]) - 1)
    first_words = np.concatenate([[0], last_words[:-1] + 1])
    counts = np.maximum(last_words - first_words + 1 - (WORDS - 1), 1)
    borders = np.concatenate([[0], np.cumsum(counts)])
    run = np.arange(borders[-1]) + np.repeat(first_words - borders[:-1], counts)  # the first word of each run
    run_end = np.minimum(run + WORDS - 1, np.repeat(last_words, counts))
    return mix((sums[ends[run_end]] - sums[starts[run]]) * down[starts[run]]), borders.astype(np.uint64)


def sketch(texts: list[str]) -> np.ndarray:
    """One row of 128 values for each text; uint16 of shape (texts, 128)."""
    found, start = [np.empty((0, VALUES), dtype=np.uint16)], 0
    while start < len(texts):
        end, size = start, 0
        while end < len(texts) and (size < BATCH_CHARACTERS or end == start):
            size += len(texts[end])
            end += 1
        hashes, borders = shingles(texts[start:end])
        rows = RMinHash.digest_matrix_from_flat_token_hashes(hashes, borders, num_perm=VALUES, seed=SEED).to_rows()
        found.append(np.array(rows, dtype=np.uint32).astype(np.uint16))
        start = end
    return np.concatenate(found)


def measurable(texts: list[str]) -> np.ndarray:
    """True for each text whose runs of five words say how alike it is to another; bool of shape (texts,)."""
    return np.fromiter(map(has_words, texts), bool, len(texts))


def has_words(text: str) -> bool:
    """Five words or more, as cleaning leaves them, and at most a quarter of the characters in scripts without spaces."""
    if text.count(" ") < WORDS - 1:
        return False
    if text.isascii():
        return True
    sample = text if len(text) < SAMPLED else text[::8]
    return MOST_UNSPACED * len(UNSPACED.findall(sample)) <= len(sample)


def resemblance(one: str, other: str) -> float:
    """The exact Jaccard similarity of two texts' runs of five words."""
    hashes, borders = shingles([one, other])
    first, second = set(hashes[: borders[1]].tolist()), set(hashes[borders[1] :].tolist())
    return len(first & second) / len(first | second)
