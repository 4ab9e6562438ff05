"""Measures of form: length, whether a text ends, and whether it repeats itself."""

from evaluation.measures.entry import Entry, Written
from evaluation.measures.scripts import SPACES
from titlecraft.search.word_ngrams import word_ngrams


def length_ratio(answer: Written) -> float:
    """Tokens of the answer per token of the reference; a reference of which the tokenizer knows no sign counts as one."""
    return answer.tokens / max(1, answer.reference_tokens)


def stopped(answer: Written) -> float:
    """1 where the answer ended in EOS, else 0."""
    return float(answer.stopped)


def distinct_2(answer: Written) -> float:
    """Distinct word 2-grams per word 2-gram; 0 where there is none (Li et al. 2016)."""
    pairs = word_ngrams(answer.text, 2)
    return len(set(pairs)) / len(pairs) if pairs else 0.0


def repetition(answer: Written) -> float:
    """Share of the word 4-grams that repeat an earlier one of the answer; 0 where there is none."""
    ngrams = word_ngrams(answer.text, 4)
    return 1 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0


LENGTH_RATIO = Entry(
    name="length_ratio",
    label="Length ratio",
    group="form",
    unit="generated / reference",
    better="neither",
    definition="Tokens of the generated description per token of the reference; the mean over titles. The most new tokens "
    "of the protocol bound it.",
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
    better="higher",
    definition="Share of the generated descriptions that end by themselves (EOS) before the most new tokens.",
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
    better="higher",
    definition="Different pairs of neighbouring words per pair, within one generated description (0 for fewer than two "
    "words); the mean over titles. Short texts score higher: read it beside the length ratio.",
    source="Li et al. 2016, per text in place of the whole corpus, so that it has an interval",
    reads=Written,
    value=distinct_2,
    needs=(SPACES,),
)

REPETITION = Entry(
    name="repetition",
    label="Repetition",
    group="form",
    unit="share",
    better="lower",
    definition="Share of the runs of four words in a generated description that stood in it before (0 for fewer than four "
    "words); the mean over titles.",
    source="seq-rep-4, Welleck et al. 2020, over words",
    reads=Written,
    value=repetition,
    needs=(SPACES,),
)
