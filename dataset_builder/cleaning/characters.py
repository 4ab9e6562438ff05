"""Tells which rules of cleaning the characters of many texts may need, for all texts at once.

Most characters need none: the few others are found by numpy in the joined UTF-8 of the texts, at less than a nanosecond a byte, and
looked up in a table. A text without a trait needs no rule that looks for it.
"""

import unicodedata
from collections.abc import Iterator
from functools import cache

import numpy as np

from dataset_builder.cleaning.mojibake import BEGINS_SIGN

TAG, ENTITY, C1, MOJIBAKE, INVISIBLE, COMPOSES, SPACES = (1 << bit for bit in range(7))
"""Traits: `<`; `&`; C1 control; may be a wrong encoding; control or invisible; may be no NFC; white space to collapse."""
EVERY_TRAIT = 0xFF
IN_TABLE = 0x2200  # characters beyond have every trait except for TAG and ENTITY
AT_ONCE = 1 << 17  # characters, so that all arrays stay in the processor's cache
DROPPED = "\u00ad\u200b\u2060\ufeff"  # characters that are removed; controls become spaces


@cache
def table() -> np.ndarray:
    """Return the traits of each character below IN_TABLE, and those of all others; uint8 of shape (IN_TABLE + 1,)."""
    return np.array([*(traits_of(chr(code)) for code in range(IN_TABLE)), EVERY_TRAIT & ~(TAG | ENTITY)], np.uint8)


def traits_of(letter: str) -> int:
    """Return the traits of a character by itself.

    A text may be no NFC if the form of a character is another, or if one combines with those before: a mark or a Hangul jamo.
    """
    category = unicodedata.category(letter)
    composes = category[0] == "M" or "\u1100" <= letter <= "\u11ff" or not unicodedata.is_normalized("NFC", letter)
    return int(
        TAG * (letter == "<")
        | ENTITY * (letter == "&")
        | C1 * ("\x80" <= letter <= "\x9f")
        | MOJIBAKE * bool(BEGINS_SIGN.match(letter))
        | INVISIBLE * (category == "Cc" or letter in DROPPED)
        | COMPOSES * composes
        | SPACES * (letter.isspace() and letter != " ")
    )


def traits_of_all(texts: list[str]) -> list[int]:
    """Return the union of the traits of each text's characters."""
    return [traits for part in in_parts(texts) for traits in traits_of_some(part)]


def in_parts(texts: list[str]) -> Iterator[list[str]]:
    """Yield the texts in lists of about AT_ONCE characters; a longer text is alone."""
    part: list[str] = []
    size = 0
    for text in texts:
        if part and size + len(text) > AT_ONCE:
            yield part
            part, size = [], 0
        part.append(text)
        size += len(text)
    if part:
        yield part


def traits_of_some(texts: list[str]) -> list[int]:
    """Return the traits of a few texts. They are joined by spaces, so that one at an end stands beside another."""
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    text = np.frombuffer(
        b" %s   " % b" ".join(parts), np.uint8
    )  # two more, so that every sequence has three bytes behind it
    ends = np.cumsum(np.fromiter(map(len, parts), np.int64, len(parts)) + 1)  # position of the space behind each text
    found = np.zeros(len(parts), np.uint8)
    odd = np.flatnonzero(((text - 32) > 94) & ((text < 128) | (text > 191)) | (text == ord("&")) | (text == ord("<")))
    np.bitwise_or.at(found, np.searchsorted(ends, odd), table()[code_points(text, odd)])
    is_space = text == ord(" ")
    double = np.flatnonzero(is_space[1 : ends[-1] + 1] & is_space[: ends[-1]]) + 1
    found[np.searchsorted(ends, double)] |= SPACES
    return found.tolist()


def code_points(text: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Return the code points of the UTF-8 sequences that begin at these positions, IN_TABLE for larger ones."""
    first, second, third = (text[positions + offset].astype(np.int64) for offset in range(3))
    two = (first & 0x1F) << 6 | (second & 0x3F)
    three = (first & 0x0F) << 12 | (second & 0x3F) << 6 | (third & 0x3F)
    codes = np.where(first < 0x80, first, np.where(first < 0xE0, two, np.where(first < 0xF0, three, IN_TABLE)))
    return np.minimum(codes, IN_TABLE)
