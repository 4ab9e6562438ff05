"""Measures of overlap with the reference: chrF, chrF++ and BLEU by sacrebleu, ROUGE-L as rouge-score computes it."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import regex

from evaluation.measures.counts import bleu_scorer, chrf_pp_scorer, counts, lcs_length
from evaluation.measures.entry import Entry, Written
from titlecraft.search.scripts import units

WORD = regex.compile(r"(?:[\p{L}\p{Nd}][\p{M}\u200c\u200d]*)+")


@cache
def chrf_scorer() -> Any:
    """sacrebleu's chrF2: character 6-grams, no word n-grams, beta 2."""
    from sacrebleu.metrics.chrf import CHRF

    return CHRF()


@cache
def sentence_bleu_scorer() -> Any:
    """sacrebleu's BLEU of one title, with effective order: n-grams that are longer than the text do not count."""
    from sacrebleu.metrics.bleu import BLEU

    return BLEU(effective_order=True)


def rouge_words(text: str) -> list[str]:
    """The words of a text in lower case: what rouge-score's tokenizer gives for a to z and 0 to 9, for letters of every script."""
    return WORD.findall(units(text).lower())


def score_of_counts(scorer: Any, counts: tuple[int, ...]) -> float:
    """sacrebleu's score, 0 to 100, from its counts."""
    return float(scorer._compute_score_from_stats(list(counts)).score)


def chrf(text: str, reference: str) -> float:
    """Sentence chrF2 of a text against the reference, 0 to 100 (Popović 2015)."""
    return score_of_counts(chrf_scorer(), counts(chrf_pp_scorer(), text, reference)[: 3 * chrf_scorer().order])


def chrf_pp(text: str, reference: str) -> float:
    """Sentence chrF2++ of a text against the reference, 0 to 100 (Popović 2017)."""
    return score_of_counts(chrf_pp_scorer(), counts(chrf_pp_scorer(), text, reference))


def bleu(text: str, reference: str) -> float:
    """Sentence BLEU of a text against the reference, 0 to 100 (Papineni et al. 2002)."""
    return score_of_counts(sentence_bleu_scorer(), counts(bleu_scorer(), text, reference))


def rouge_l(text: str, reference: str) -> float:
    """ROUGE-L F1 of a text against the reference, 0 to 1 (Lin 2004)."""
    from rouge_score.scoring import fmeasure

    words, expected = (rouge_words(string) for string in (text, reference))
    if not words or not expected:
        return 0.0
    common = lcs_length(expected, words)
    return float(fmeasure(common / len(words), common / len(expected)))


SCORES: dict[str, Callable[[str, str], float]] = {"chrf": chrf, "chrf_pp": chrf_pp, "bleu": bleu, "rouge_l": rouge_l}


def scored(name: str, answer: Written) -> float:
    """The overlap score of this name of an answer; it may be cached from another process (evaluation.lookup.overlaps)."""
    return answer.known.overlap(name, answer.text, answer.reference)


CHRF = Entry(
    name="chrf",
    label="chrF",
    group="overlap",
    unit="0–100",
    largest=100.0,
    better="higher",
    definition="F-score of shared character n-grams (n up to 6, recall counts twice) between the generated and the "
    "reference description; the mean over titles.",
    source="Popović 2015; sacrebleu, nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no",
    reads=Written,
    value=partial(scored, "chrf"),
)

CHRF_PP = Entry(
    name="chrf_pp",
    label="chrF++",
    group="overlap",
    unit="0–100",
    largest=100.0,
    better="higher",
    definition="As chrF, with word 1-grams and 2-grams, over all titles as one text. Better and worse count titles by the score of "
    "each title. In scripts without spaces each letter is a word.",
    source="Popović 2017; sacrebleu, nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no; paired approximate randomisation",
    reads=Written,
    value=partial(scored, "chrf_pp"),
    corpus=chrf_pp_scorer,
    shares_words=True,
)

BLEU = Entry(
    name="bleu",
    label="BLEU",
    group="overlap",
    unit="0–100",
    largest=100.0,
    better="higher",
    definition="Precision of the generated word 1-grams to 4-grams, with a brevity penalty, over all titles as one text. Better and "
    "worse count titles by the score of each title (effective order). In scripts without spaces each letter is a word.",
    source="Papineni et al. 2002; sacrebleu, nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp; paired approximate randomisation",
    reads=Written,
    value=partial(scored, "bleu"),
    corpus=bleu_scorer,
    shares_words=True,
)

ROUGE_L = Entry(
    name="rouge_l",
    label="ROUGE-L",
    group="overlap",
    unit="0–1",
    largest=1.0,
    better="higher",
    definition="F1 of the longest common subsequence of words between the generated and the reference description; the mean "
    "over titles. In scripts without spaces each letter is a word.",
    source="Lin 2004; rouge-score, no stemmer; words of letters, marks and digits",
    reads=Written,
    value=partial(scored, "rouge_l"),
    shares_words=True,
)
