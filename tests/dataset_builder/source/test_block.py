"""Reading one block: kept rows, and the reasons of dropped rows."""

from collections import Counter

import pytest

from dataset_builder.source.block import clean_row
from dataset_builder.source.parse import Drop
from titlecraft.settings import Data


@pytest.mark.parametrize(
    ("title", "content", "expected"),
    [
        ("A &amp; B", "Twenty characters, and <b>more</b>.", ("A & B", "Twenty characters, and more.")),
        ("", "Something", Drop.EMPTY_TITLE),
        ("<br>", "Something that is long enough.", Drop.EMPTY_TITLE),
        ("Kettle", "", Drop.EMPTY_CONTENT),
        ("Kettle", " &nbsp;<br />", Drop.EMPTY_CONTENT),
        ("Kettle", "--This text refers to theHardcoveredition.", Drop.BOILERPLATE_ONLY),
        ("Kettle", "Text: English, French (translation)", Drop.BOILERPLATE_ONLY),
        ("The Whistling Kettle", "the whistling&nbsp;kettle", Drop.CONTENT_IS_TITLE),
        ("Kettle", "Nice kettle &amp; lid.", Drop.TOO_SHORT),
    ],
)
def test_outcome_of_a_row(title: str, content: str, expected: tuple[str, str] | Drop) -> None:
    assert clean_row(title, content, Data(), Counter()) == expected
