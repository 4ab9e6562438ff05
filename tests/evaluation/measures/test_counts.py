"""What is counted once for all measures of overlap is what sacrebleu and rouge-score count themselves."""

import random

import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from evaluation.measures.counts import bleu_scorer, chrf_pp_scorer, common_words, counts, every_count
from evaluation.measures.overlap import bleu, chrf, chrf_pp, rouge_l

WORDS = ["lamp", "Lamp", "red,", "2.5", "it's", "(old)", "é", "—", "a", "b"]
LITERAL = [("", ""), ("", "a lamp"), ("a lamp", ""), ("...", "a lamp"), ("x", "x"), ("a b c", "c b a"), ("aa", " a a ")]


def pairs() -> list[tuple[str, str]]:
    """Literal texts and long ones of few words, so that they have much in common."""
    rng = random.Random(0)
    text = lambda most: " ".join(rng.choices(WORDS, k=rng.randint(0, most)))  # noqa: E731
    return LITERAL + [(text(most), text(most)) for most in (3, 8, 70, 200) for _ in range(20)]


def test_the_scores_are_those_of_the_libraries_to_the_bit() -> None:
    rouge = RougeScorer(["rougeL"], use_stemmer=False)
    for text, reference in pairs():
        assert chrf(text, reference) == CHRF().sentence_score(text, [reference]).score
        assert chrf_pp(text, reference) == CHRF(word_order=2).sentence_score(text, [reference]).score
        assert bleu(text, reference) == BLEU(effective_order=True).sentence_score(text, [reference]).score
        assert rouge_l(text, reference) == rouge.score(reference, text)["rougeL"].fmeasure


@pytest.mark.parametrize("scorer", [chrf_pp_scorer, bleu_scorer])
def test_a_corpus_is_counted_as_sacrebleu_counts_it(scorer) -> None:
    texts, references = map(list, zip(*pairs(), strict=True))
    assert every_count(scorer(), texts, [references]) == scorer()._extract_corpus_statistics(texts, [references])


def test_a_text_is_counted_once(monkeypatch) -> None:
    counted = counts(chrf_pp_scorer(), "a lamp that was counted", "a lamp")
    monkeypatch.setattr(CHRF, "_compute_segment_statistics", None)
    assert counts(chrf_pp_scorer(), "a lamp that was counted", "a lamp") == counted


def test_the_longest_common_subsequence() -> None:
    assert common_words(list("abcd"), list("xbyd")) == 2
    assert common_words(list("ab"), list("ba")) == 1
    assert common_words([], ["a"]) == common_words(["a"], []) == 0
    assert common_words(["a"] * 100, ["a"] * 70) == 70
