"""Sentences about repeated and copied answers, which means over titles do not show."""

from msgspec import UNSET, UnsetType

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
        *looping(record),
    ]


LOOPING = (
    "{looping_after:,} of the {n:,} answers after fine-tuning do not end: they repeat themselves up to the limit of {tokens:,} tokens "
    "({looping_before:,} before). The evaluation decodes greedily; --evaluation.sampled=4 also measures sampled answers, as titlecraft ask "
    "gives them."
)
FEWEST_LOOPS = 0.1  # share of the titles


def looping(record: Tested) -> list[str]:
    """Return the sentence about answers that repeat themselves and do not end; empty if fine-tuning did not add such."""
    known = getattr(record, "answers", UNSET)
    if known is UNSET or not loops(known.before.looping, known.after.looping, record.n):
        return []
    counts = {"looping_before": known.before.looping, "looping_after": known.after.looping, "n": record.n}
    return [LOOPING.format(**counts, tokens=record.generation.max_new_tokens)]


def loops(before: int | UnsetType, after: int | UnsetType, titles: int) -> bool:
    """Return whether fine-tuning added answers that repeat themselves and do not end; False for a report that does not know."""
    return before is not UNSET and after is not UNSET and after > before and after >= FEWEST_LOOPS * titles


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
