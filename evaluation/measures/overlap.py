"""Measures of shared n-grams with the reference, computed by sacrebleu, and ROUGE-L as rouge-score does."""

from functools import cache
from typing import Any

from evaluation.measures.counts import bleu_scorer, chrf_pp_scorer, common_words, counts
from evaluation.measures.entry import Entry, Written


@cache
def chrf_scorer() -> Any:
    """chrF2: character 6-grams, no word n-grams, beta 2."""
    from sacrebleu.metrics import CHRF

    return CHRF()


@cache
def sentence_bleu_scorer() -> Any:
    """BLEU of one title: n-grams that it is too short for do not count."""
    from sacrebleu.metrics import BLEU

    return BLEU(effective_order=True)


@cache
def rouge_tokenizer() -> Any:
    """Words as they stand, without a stemmer."""
    from rouge_score.tokenizers import DefaultTokenizer

    return DefaultTokenizer(use_stemmer=False)


def score(scorer: Any, counted: tuple[int, ...]) -> float:
    """sacrebleu's score, 0 to 100, of what it counted."""
    return float(scorer._compute_score_from_stats(list(counted)).score)


def chrf(answer: Written) -> float:
    """Sentence chrF2 of the answer against the reference, 0 to 100 (Popović 2015)."""
    counted = counts(chrf_pp_scorer(), answer.text, answer.reference)
    return score(chrf_scorer(), counted[: 3 * chrf_scorer().order])


def chrf_pp(answer: Written) -> float:
    """Sentence chrF2++ of the answer against the reference, 0 to 100 (Popović 2017)."""
    return score(chrf_pp_scorer(), counts(chrf_pp_scorer(), answer.text, answer.reference))


def bleu(answer: Written) -> float:
    """Sentence BLEU of the answer against the reference, 0 to 100 (Papineni et al. 2002)."""
    return score(sentence_bleu_scorer(), counts(bleu_scorer(), answer.text, answer.reference))


def rouge_l(answer: Written) -> float:
    """ROUGE-L F1 of the answer against the reference, 0 to 1 (Lin 2004)."""
    from rouge_score.scoring import fmeasure

    words, reference = (rouge_tokenizer().tokenize(text) for text in (answer.text, answer.reference))
    if not words or not reference:
        return 0.0
    common = common_words(reference, words)
    return float(fmeasure(common / len(words), common / len(reference)))


CHRF = Entry(
    name="chrf",
    label="chrF",
    group="overlap",
    unit="0–100",
    better="higher",
    definition="F-score of shared character n-grams (n up to 6, recall counts twice) between the generated and the "
    "reference description; the mean over titles.",
    source="Popović 2015; sacrebleu, nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no",
    reads=Written,
    value=chrf,
)

CHRF_PP = Entry(
    name="chrf_pp",
    label="chrF++",
    group="overlap",
    unit="0–100",
    better="higher",
    definition="As chrF, with shared words and pairs of words, over all titles as one text. Better and worse count titles by "
    "the score of each.",
    source="Popović 2017; sacrebleu, nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no; paired approximate randomisation",
    reads=Written,
    value=chrf_pp,
    corpus=chrf_pp_scorer,
)

BLEU = Entry(
    name="bleu",
    label="BLEU",
    group="overlap",
    unit="0–100",
    better="higher",
    definition="Precision of the generated runs of one to four words, with a penalty for brevity, over all titles as one "
    "text. Better and worse count titles by the score of each (effective order).",
    source="Papineni et al. 2002; sacrebleu, nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp; paired approximate randomisation",
    reads=Written,
    value=bleu,
    corpus=bleu_scorer,
)

ROUGE_L = Entry(
    name="rouge_l",
    label="ROUGE-L",
    group="overlap",
    unit="0–1",
    better="higher",
    definition="F1 of the longest common subsequence of words between the generated and the reference description; the mean "
    "over titles.",
    source="Lin 2004; rouge-score, no stemmer",
    reads=Written,
    value=rouge_l,
)
