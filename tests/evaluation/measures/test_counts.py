"""The shared counts of the overlap measures equal those of sacrebleu and rouge-score."""

import random

import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from evaluation.measures.counts import bleu_scorer, chrf_pp_scorer, corpus_counts, counts, lcs_length
from evaluation.measures.overlap import bleu, chrf, chrf_pp, rouge_l

WORDS = ["lamp", "Lamp", "red,", "2.5", "it's", "(old)", "é", "—", "a", "b"]
LITERAL = [("", ""), ("", "a lamp"), ("a lamp", ""), ("...", "a lamp"), ("x", "x"), ("a b c", "c b a"), ("aa", " a a ")]


def pairs() -> list[tuple[str, str]]:
    """Pairs of literal texts, and of long random texts of few words, which overlap much."""
    rng = random.Random(0)
    text = lambda longest: " ".join(rng.choices(WORDS, k=rng.randint(0, longest)))  # noqa: E731
    return LITERAL + [(text(longest), text(longest)) for longest in (3, 8, 70, 200) for _ in range(20)]


def test_scores_equal_those_of_the_libraries_bit_for_bit() -> None:
    rouge = RougeScorer(["rougeL"], use_stemmer=False)
    for text, reference in pairs():
        assert chrf(text, reference) == CHRF().sentence_score(text, [reference]).score
        assert chrf_pp(text, reference) == CHRF(word_order=2).sentence_score(text, [reference]).score
        assert bleu(text, reference) == BLEU(effective_order=True).sentence_score(text, [reference]).score
        assert rouge_l(text, reference) == rouge.score(reference, text)["rougeL"].fmeasure


@pytest.mark.parametrize("scorer", [chrf_pp_scorer, bleu_scorer])
def test_corpus_counts_equal_those_of_sacrebleu(scorer) -> None:
    texts, references = map(list, zip(*pairs(), strict=True))
    assert corpus_counts(scorer(), texts, [references]) == scorer()._extract_corpus_statistics(texts, [references])


def test_counts_of_a_text_are_cached(monkeypatch) -> None:
    counted = counts(chrf_pp_scorer(), "a lamp that was counted", "a lamp")
    monkeypatch.setattr(CHRF, "_compute_segment_statistics", None)
    assert counts(chrf_pp_scorer(), "a lamp that was counted", "a lamp") == counted


def test_lcs_length() -> None:
    assert lcs_length(list("abcd"), list("xbyd")) == 2
    assert lcs_length(list("ab"), list("ba")) == 1
    assert lcs_length([], ["a"]) == lcs_length(["a"], []) == 0
    assert lcs_length(["a"] * 100, ["a"] * 70) == 70
