"""Each measure on literal inputs."""

import pytest

from evaluation.measures import (
    MEASURES,
    Scored,
    Written,
    chrf,
    length_ratio,
    measure_names,
    nll_per_token,
    rouge_l,
    stopped,
)

CAT = Written(text="the cat sat", tokens=3, stopped=True, reference="the cat sat down", reference_tokens=4)
NOTHING = Written(text="", tokens=0, stopped=True, reference="the cat sat down", reference_tokens=4)
SAME = Written(text="A red lamp.", tokens=5, stopped=False, reference="A red lamp.", reference_tokens=5)


def test_nll_is_per_token() -> None:
    assert nll_per_token(Scored(nll=6.0, tokens=4)) == 1.5


def test_rouge_l_is_the_f1_of_the_longest_common_subsequence() -> None:
    assert rouge_l(CAT) == pytest.approx(2 * 1 * 0.75 / 1.75)  # precision 3/3, recall 3/4
    assert rouge_l(SAME) == 1.0
    assert rouge_l(NOTHING) == 0.0


def test_chrf_is_sacrebleus() -> None:
    from sacrebleu import sentence_chrf

    recall = sum((10 - n) / (14 - n) for n in range(1, 7)) / 6  # "thecatsat" in "thecatsatdown"; precision is 1
    assert chrf(CAT) == sentence_chrf("the cat sat", ["the cat sat down"]).score
    assert chrf(CAT) == pytest.approx(100 * 5 * recall / (4 + recall))
    assert chrf(SAME) == pytest.approx(100.0)
    assert chrf(NOTHING) == 0.0


def test_length_ratio_and_stop() -> None:
    assert (length_ratio(CAT), length_ratio(NOTHING), length_ratio(SAME)) == (0.75, 0.0, 1.0)
    assert (stopped(CAT), stopped(SAME)) == (1.0, 0.0)


def test_every_entry_is_documented() -> None:
    assert measure_names() == ["nll_per_token", "chrf", "rouge_l", "length_ratio", "stop_rate"]
    for entry in MEASURES:
        assert entry.label and entry.unit and entry.source and entry.definition.endswith(".")
