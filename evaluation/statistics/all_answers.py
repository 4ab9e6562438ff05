"""All answers of an arm taken together: whether the model says the same to every title, and how much of it it copies.

The measures of the report are means over titles: an answer that is given to every title can have a good one.
"""

from collections import Counter
from collections.abc import Callable, Sequence

from titlecraft.records import AllAnswers, Answers
from titlecraft.search.word_ngrams import word_ngrams

FEWEST_DISTINCT = 0.5  # share of answers; below it, or for more copied words than MOST_COPIED, report and card warn
MOST_COPIED = 0.5


def describe_all(before: Sequence[str], after: Sequence[str], covered: Callable[[str], tuple[int, int]]) -> AllAnswers:
    """The answers of both arms; `covered` gives the number of copied words and of all words of a text."""
    return AllAnswers(before=describe(before, covered), after=describe(after, covered))


def describe(texts: Sequence[str], covered: Callable[[str], tuple[int, int]]) -> Answers:
    """The answers of one arm, taken together. Texts that differ in white space or case only are one answer."""
    counts = Counter(" ".join(text.split()).casefold() for text in texts)
    pairs = [pair for text in texts for pair in word_ngrams(text, 2)]
    copied = [covered(text) for text in texts]
    return Answers(
        distinct=len(counts),
        most_repeated=max(counts.values(), default=0),
        distinct_2=len(set(pairs)) / len(pairs) if pairs else 0.0,
        words=sum(words for _, words in copied),
        copied_words=sum(words for words, _ in copied),
    )
