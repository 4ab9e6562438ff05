"""What measures of overlap count, each of them once for a text beside its reference, however many measures ask."""

from collections import defaultdict
from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any


@cache
def chrf_pp_scorer() -> Any:
    """chrF2++: character 6-grams and word 2-grams, beta 2."""
    from sacrebleu.metrics import CHRF

    return CHRF(word_order=2)


@cache
def bleu_scorer() -> Any:
    """Corpus BLEU as WMT computes it."""
    from sacrebleu.metrics import BLEU

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
    """Length of the longest common subsequence: a row of its table is the bits of one number (Hyyrö 2004).

    rouge-score fills the table cell by cell, which takes most of the time of all measures.
    """
    places: defaultdict[str, int] = defaultdict(int)
    for place, word in enumerate(one):
        places[word] |= 1 << place
    every = (1 << len(one)) - 1
    row = every  # a bit is 0 where the subsequence grows
    for word in other:
        known = row & places.get(word, 0)
        row = ((row + known) | (row - known)) & every
    return len(one) - row.bit_count()
