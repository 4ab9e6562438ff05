"""N-gram counts of a text and its reference, cached so that several measures share them."""

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any


@cache
def chrf_pp_scorer() -> Any:
    """chrF2++: character 6-grams and word 2-grams, beta 2."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF(word_order=2)


@cache
def bleu_scorer() -> Any:
    """Corpus BLEU as WMT computes it."""
    from sacrebleu.metrics.bleu import BLEU

    return BLEU()


@lru_cache(maxsize=1 << 16)
def counts(scorer: Any, text: str, reference: str) -> tuple[int, ...]:
    """sacrebleu's counts for a text and its reference; corpus scores are computed from sums of such counts.

    chrF's are the first ones of chrF++'s. BLEU's do not depend on its effective order.
    """
    return tuple(type(scorer)._extract_corpus_statistics(scorer, [text], [[reference]])[0])


def every_count(scorer: Any, texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[int]]:
    """Counts of many texts with one reference each, in the form of sacrebleu's _extract_corpus_statistics."""
    (of_each,) = references
    return [list(counts(scorer, text, reference)) for text, reference in zip(texts, of_each, strict=True)]


def common_words(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, by rapidfuzz, because rouge-score's Python table is slow."""
    from rapidfuzz.distance import LCSseq

    return LCSseq.similarity(one, other)
