"""Measures of form: length, stopping and repetition."""

from evaluation.measures.entry import Entry, Written
from titlecraft.search.word_ngrams import word_ngrams


def length_ratio(answer: Written) -> float:
    """Tokens of the answer per token of the reference; a reference without tokens counts as one token."""
    return answer.tokens / max(1, answer.reference_tokens)


def stopped(answer: Written) -> float:
    """1 if the answer ended with EOS, else 0."""
    return float(answer.stopped)


def distinct_2(answer: Written) -> float:
    """Distinct word 2-grams per word 2-gram of the answer; 0 if it has none (Li et al. 2016)."""
    pairs = word_ngrams(answer.text, 2)
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def repetition(answer: Written) -> float:
    """Share of the word 4-grams that repeat an earlier one of the answer; 0 if it has none."""
    return repeated_share(answer.text)


def repeated_share(text: str) -> float:
    """Share of the word 4-grams that repeat an earlier one of the text; 0 if it has none."""
    ngrams = word_ngrams(text, 4)
    return 1 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0


LENGTH_RATIO = Entry(
    name="length_ratio",
    label="Length ratio",
    group="form",
    unit="generated / reference",
    better="neither",
    definition="Tokens of the generated description per token of the reference; the mean over titles. The protocol's "
    "largest number of new tokens bounds it.",
    source="Titlecraft",
    reads=Written,
    value=length_ratio,
    recomputed="from tokens",
)

STOP_RATE = Entry(
    name="stop_rate",
    label="Stop rate",
    group="form",
    unit="share",
    largest=1.0,
    better="higher",
    definition="Share of the generated descriptions that end with EOS before the largest number of new tokens.",
    source="Titlecraft",
    reads=Written,
    value=stopped,
    recomputed="never",
)

DISTINCT_2 = Entry(
    name="distinct_2",
    label="Distinct-2",
    group="form",
    unit="0–1",
    largest=1.0,
    better="higher",
    definition="Distinct word 2-grams per word 2-gram of a generated description (0 for fewer than two words); the mean over "
    "titles. Short texts score higher: read it with the length ratio. In scripts without spaces each letter is a word.",
    source="Li et al. 2016, per text and not over the corpus, so that it has an interval",
    reads=Written,
    value=distinct_2,
    alone=True,
)

REPETITION = Entry(
    name="repetition",
    label="Repetition",
    group="form",
    unit="share",
    largest=1.0,
    better="lower",
    definition="Share of the word 4-grams of a generated description that repeat an earlier one (0 for fewer than four words); "
    "the mean over titles. In scripts without spaces each letter is a word.",
    source="seq-rep-4, Welleck et al. 2020, over words",
    reads=Written,
    value=repetition,
    alone=True,
)
