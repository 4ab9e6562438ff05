"""What measures of overlap count, each of them once for a text beside its reference, however many measures ask."""

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
    """What sacrebleu counts in a text beside its reference; its scores are of such counts, added up over texts.

    chrF's are the first ones of chrF++'s. BLEU's do not depend on its effective order.
    """
    return tuple(type(scorer)._extract_corpus_statistics(scorer, [text], [[reference]])[0])


def every_count(scorer: Any, texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[int]]:
    """The same of many texts, as sacrebleu's own _extract_corpus_statistics gives it for one reference of each."""
    (of_each,) = references
    return [list(counts(scorer, text, reference)) for text, reference in zip(texts, of_each, strict=True)]


def common_words(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence, by rapidfuzz: rouge-score's table in Python took most of the measures' time."""
    from rapidfuzz.distance import LCSseq

    return LCSseq.similarity(one, other)
