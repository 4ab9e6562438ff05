"""Repetition and copying, measured over all answers of an arm together.

The measures of the report are means over titles. A model that gives the same good answer to every title can score well on them.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from evaluation.measures.form import repeated_share
from titlecraft.records import AllAnswers, Answers
from titlecraft.search.word_ngrams import word_ngrams

FEWEST_DISTINCT = (
    0.5  # smallest share of distinct answers, and largest share of copied words, without a warning on report and card
)
MOST_COPIED = 0.5
LOOP = 0.5  # largest share of repeated word 4-grams in an answer that did not end, before it counts as a loop


def describe_all(
    before: Sequence[tuple[str, bool]], after: Sequence[tuple[str, bool]], covered: Callable[[str], tuple[int, int]]
) -> AllAnswers:
    """The statistics of both arms.

    Args:
        before, after: each answer, and whether it ended with EOS.
        covered: text -> (number of copied words, number of words).
    """
    return AllAnswers(before=describe(before, covered), after=describe(after, covered))


def describe(answers: Sequence[tuple[str, bool]], covered: Callable[[str], tuple[int, int]]) -> Answers:
    """The statistics of one arm. Texts that differ only in white space or case count as one answer."""
    texts = [text for text, _ in answers]
    counts = Counter(" ".join(text.split()).casefold() for text in texts)
    pairs = [pair for text in texts for pair in word_ngrams(text, 2)]
    copied = [covered(text) for text in texts]
    return Answers(
        distinct=len(counts),
        most_repeated=max(counts.values(), default=0),
        distinct_2=len(set(pairs)) / len(pairs) if pairs else 0.0,
        words=sum(words for _, words in copied),
        copied_words=sum(words for words, _ in copied),
        looping=sum(not ended and repeated_share(text) > LOOP for text, ended in answers),
    )
