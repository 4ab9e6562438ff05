"""The quick search for mojibake finds what ftfy finds."""

import random
import re

import pytest
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES, is_bad

from dataset_builder.cleaning.mojibake import BEYOND_PUNCTUATION, SUSPECTS, may_be_mojibake, repair_mojibake

KNOWN = re.compile(f"[{''.join(MOJIBAKE_CATEGORIES.values())}]")
LETTERS = sorted(
    {*filter(KNOWN.match, map(chr, range(0x80, 0x2700))), *(one for one in BADNESS_RE.pattern if one > "~")}
)


def test_every_sign_of_two_letters_has_a_suspect() -> None:
    """Two letters of ftfy's tables, alone and between others: where ftfy finds a sign, SUSPECTS finds a letter of it."""
    found = 0
    for number, first in enumerate(LETTERS):
        for second in LETTERS[number % 3 :: 3]:
            for text in (first + second, f"a{first}{second} ", f" {first}{second}a"):
                if BADNESS_RE.search(text):
                    found += 1
                    assert SUSPECTS.search(text), ascii(text)
    assert found > 50_000


def test_same_result_as_ftfy() -> None:
    drawn = random.Random(3)
    letters = "".join(LETTERS) + "".join(map(chr, range(0x20, 0x180))) + "漢字ไทย" * 3
    found = 0
    for _ in range(4_000):
        pieces = (
            drawn.choice(letters) if drawn.random() < 0.2 else "x" * drawn.randint(0, 9) + drawn.choice("ab c.\n")
            for _ in range(drawn.randint(1, 50))
        )
        text = "".join(pieces)
        suspected = bool(BEYOND_PUNCTUATION.search(text)) and is_bad(text)
        assert may_be_mojibake(text) == suspected, ascii(text)
        found += suspected
    assert 500 < found < 3_500


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
@pytest.mark.parametrize("before", [0, 1, 7, 8, 9, 5_000])
def test_repaired_wherever_it_stands(before: int, encoding: str) -> None:
    right = "Größe 30 °C, naïve café"
    wrong = right.encode().decode(encoding)
    assert repair_mojibake("a" * before + wrong) == "a" * before + right
    assert repair_mojibake(wrong + "a" * before) == right + "a" * before
