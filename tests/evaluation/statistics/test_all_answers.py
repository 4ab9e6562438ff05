"""All answers taken together: repeated answers and copied words, as a person would count them."""

import numpy as np
import pytest

from evaluation.lookup.copies import covered_words
from evaluation.statistics.all_answers import describe


def test_answers_are_counted_as_one_whatever_their_case_and_white_space() -> None:
    answers = describe(["A red lamp.", "a  red lamp. ", "A blue lamp."], lambda text: (2, len(text.split())))
    assert (answers.distinct, answers.most_repeated, answers.words, answers.copied_words) == (2, 2, 9, 6)
    assert answers.distinct_2 == 4 / 6
    assert describe([""], lambda text: (0, 0)).distinct_2 == 0


@pytest.mark.parametrize(
    ("occurs", "words"),
    [([], 0), ([0, 0, 0], 0), ([1], 8), ([1, 0, 0], 8), ([1, 1, 0], 9), ([1] + 7 * [0] + [1], 16), ([1, 0, 0, 1], 11)],
)
def test_words_in_passages_of_the_training_split(occurs: list[int], words: int) -> None:
    assert covered_words(np.array(occurs, dtype=bool)) == words
