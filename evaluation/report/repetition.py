"""Sentences about repeated and copied answers, which means over titles do not show."""

from msgspec import UNSET

from evaluation.report.numbers import share
from evaluation.statistics.all_answers import FEWEST_DISTINCT, MOST_COPIED
from titlecraft.records import Answers, Tested


def answers_together(record: Tested) -> list[str]:
    """Return sentences about all answers taken together, the tuned model's first; empty if the record does not have them."""
    known = getattr(record, "answers", UNSET)
    if known is UNSET:
        return []
    before, after = known.before, known.after
    return [
        f"Different answers to {record.n:,} titles: {after.distinct:,} after fine-tuning, {before.distinct:,} before; the most frequent one is "
        f"given {times(after.most_repeated)}.",
        "Words in passages of eight words or more from the training texts: "
        f"{share(after.copied_words, after.words)} after, {share(before.copied_words, before.words)} before.",
        *([COLLAPSED] if is_collapsed(record) else []),
    ]


COLLAPSED = (
    "The tuned model repeats itself or its training texts: measures that are means over titles do not show this."
)


def is_collapsed(record: Tested) -> bool:
    """Return whether the tuned model repeats itself or its training texts; False for a record that does not know."""
    known = getattr(record, "answers", UNSET)
    return known is not UNSET and repeats(known.after, record.n)


def repeats(answers: Answers, titles: int) -> bool:
    """Return whether a model gives few different answers, or copies most of its words."""
    return answers.distinct < FEWEST_DISTINCT * titles or answers.copied_words > MOST_COPIED * answers.words


def times(count: int) -> str:
    """Return how often something happens: "once", "3 times"."""
    return "once" if count == 1 else f"{count:,} times"
