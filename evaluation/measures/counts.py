"""N-gram counts of a text and its reference, cached so that several measures share them."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from titlecraft.search.scripts import units


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


MOST_KEPT = 1 << 17
KEPT: dict[tuple[Any, str, str], tuple[int, ...]] = {}
"""(scorer, text, reference) -> counts."""


def counts(scorer: Any, text: str, reference: str) -> tuple[int, ...]:
    """sacrebleu's counts for a text and its reference; a corpus score is computed from their sum over the texts.

    In scripts without spaces each letter is a word (titlecraft/search/scripts.py), as in sacrebleu's tokenizer `zh`; chrF ignores
    spaces. The counts of chrF are the first ones of chrF++. Those of BLEU do not depend on its effective order.
    """
    found = KEPT.get((scorer, text, reference))
    if found is None:
        found = tuple(type(scorer)._extract_corpus_statistics(scorer, [units(text)], [[units(reference)]])[0])
        keep_counts(scorer, [(text, reference)], [found])
    return found


def keep_counts(scorer: Any, pairs: Sequence[tuple[str, str]], counted: Sequence[tuple[int, ...]]) -> None:
    """Cache the counts of pairs (text, reference) that another process has computed."""
    scorer.num_refs = 1  # sacrebleu's paired test refuses a scorer that has counted nothing itself
    if len(KEPT) + len(pairs) > MOST_KEPT:
        KEPT.clear()
    KEPT.update(((scorer, *pair), of_pair) for pair, of_pair in zip(pairs, counted, strict=True))


def kept_counts(scorer: Any, pairs: Sequence[tuple[str, str]]) -> list[tuple[int, ...]] | None:
    """The cached counts of pairs (text, reference); None if some are not cached."""
    found = [KEPT.get((scorer, *pair)) for pair in pairs]
    return [one for one in found if one is not None] if None not in found else None


def corpus_counts(scorer: Any, texts: Sequence[str], references: Sequence[Sequence[str]]) -> list[list[int]]:
    """Counts of many texts with one reference each, in the form of sacrebleu's _extract_corpus_statistics."""
    (reference_of_each,) = references
    return [list(counts(scorer, text, reference)) for text, reference in zip(texts, reference_of_each, strict=True)]


def lcs_length(words: Sequence[str], other_words: Sequence[str]) -> int:
    """Length of the longest common subsequence of two lists of words (rapidfuzz; rouge-score's own is slow Python)."""
    from rapidfuzz.distance import LCSseq

    return LCSseq.similarity(words, other_words)
