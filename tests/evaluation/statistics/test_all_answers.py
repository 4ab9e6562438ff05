"""All answers taken together: repeated answers and copied words, as a person would count them."""

import numpy as np
import pytest

from evaluation.lookup.copies import covered_words
from evaluation.statistics.all_answers import describe


def test_answers_are_counted_as_one_whatever_their_case_and_white_space() -> None:
    texts = ["A red lamp.", "a  red lamp. ", "A blue lamp."]
    answers = describe([(text, True) for text in texts], lambda text: (2, len(text.split())))
    assert (answers.distinct, answers.most_repeated, answers.words, answers.copied_words) == (2, 2, 9, 6)
    assert answers.distinct_2 == 4 / 6
    assert describe([("", True)], lambda text: (0, 0)).distinct_2 == 0


@pytest.mark.parametrize(
    ("text", "ended", "loops"),
    [
        ("a red lamp " * 9, False, 1),
        ("a red lamp " * 9, True, 0),  # it repeats itself and ends
        ("one two three four five six seven eight nine ten", False, 0),  # cut by the limit
        ("red 灯", False, 0),  # too short for a 4-gram
        ("红灯红灯红灯红灯红灯红灯红灯红灯", False, 1),  # each letter is a word in scripts without spaces
        ("one two three four one two three four five", False, 0),  # one repeated 4-gram of six
    ],
)
def test_an_answer_loops_if_it_does_not_end_and_repeats_most_of_itself(text: str, ended: bool, loops: int) -> None:
    assert describe([(text, ended), ("Another answer.", True)], lambda text: (0, 1)).looping == loops


@pytest.mark.parametrize(
    ("occurs", "words"),
    [([], 0), ([0, 0, 0], 0), ([1], 8), ([1, 0, 0], 8), ([1, 1, 0], 9), ([1] + 7 * [0] + [1], 16), ([1, 0, 0, 1], 11)],
)
def test_words_in_passages_of_the_training_split(occurs: list[int], words: int) -> None:
    assert covered_words(np.array(occurs, dtype=bool)) == words
