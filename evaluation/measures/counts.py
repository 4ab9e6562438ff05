"""N-gram counts of a text and its reference, cached so that several measures share them."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any


@cache
def chrf_pp_scorer() -> Any:
    """sacrebleu's chrF2++: character 6-grams and word 2-grams, beta 2."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=2)


@cache
def bleu_scorer() -> Any:
    """sacrebleu's corpus BLEU with the settings of WMT."""
    from sacrebleu.metrics.bleu import BLEU

    return BLEU()


@lru_cache(maxsize=1 << 16)
def counts(scorer: Any, text: str, reference: str) -> tuple[int, ...]:
    """sacrebleu's counts for a text and its reference; a corpus score is computed from their sum over the texts.

    The counts of chrF are the first ones of chrF++. Those of BLEU do not depend on its effective order.
    """
    return tuple(type(scorer)._extract_corpus_statistics(scorer, [text], [[reference]])[0])


def corpus_counts(scorer: Any, texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[int]]:
    """Counts of many texts with one reference each, in the form of sacrebleu's _extract_corpus_statistics."""
    (reference_of_each,) = references
    return [list(counts(scorer, text, reference)) for text, reference in zip(texts, reference_of_each, strict=True)]


def lcs_length(words: Sequence[str], other_words: Sequence[str]) -> int:
    """Length of the longest common subsequence of two lists of words (rapidfuzz; rouge-score's own is slow Python)."""
    from rapidfuzz.distance import LCSseq

    return LCSseq.similarity(words, other_words)
