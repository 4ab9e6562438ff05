"""The quick search for mojibake finds what ftfy finds."""

import random

import pytest
from ftfy.badness import is_bad

from dataset_builder.mojibake import BEYOND_PUNCTUATION, LETTERS, may_be_mojibake, repair_mojibake


def test_same_result_as_ftfy() -> None:
    drawn = random.Random(3)
    letters = LETTERS + "".join(map(chr, range(0x20, 0x180))) + "漢字ไทย" * 3
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
