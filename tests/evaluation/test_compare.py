"""Paired statistics: literal cases, the degenerate one, and coverage on simulated data."""

import numpy as np
import pytest

from evaluation.compare import compare, interval, p_value
from evaluation.measures import MEASURES
from titlecraft.settings import Evaluation

NLL, CHRF, _, LENGTH, _ = MEASURES
SETTINGS = Evaluation(resamples=999)


def test_identical_arms_differ_by_nothing() -> None:
    values = [1.0, 2.5, 3.0, 0.5]
    found = compare(NLL, values, values, SETTINGS)
    assert (found.difference, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)
    assert (found.wins, found.ties, found.losses) == (0, 4, 0)


def test_the_same_difference_everywhere_has_an_interval_without_width() -> None:
    found = compare(CHRF, [1.0] * 12, [3.0] * 12, SETTINGS)
    assert (found.difference, found.low, found.high) == (2.0, 2.0, 2.0)
    assert found.p_value == pytest.approx(2 / 2**12, abs=0.003)


def test_wins_follow_the_better_direction() -> None:
    before, after = [2.0, 2.0, 2.0, 2.0], [1.0, 1.5, 2.0, 4.0]
    lower, higher, neither = (compare(entry, before, after, SETTINGS) for entry in (NLL, CHRF, LENGTH))
    assert (lower.wins, lower.ties, lower.losses) == (2, 1, 1)
    assert (higher.wins, higher.ties, higher.losses) == (1, 1, 2)
    assert (neither.wins, neither.ties, neither.losses) == (None, 1, None)
    assert (lower.before, lower.after, lower.difference) == (2.0, 2.125, 0.125)


def test_the_exact_permutation_test_on_four_pairs() -> None:
    # all four differences positive: of 2^4 sign patterns only the observed one and its mirror are as extreme
    assert p_value(np.array([1.0, 2.0, 3.0, 4.0]), SETTINGS) == pytest.approx(2 / 16)


def test_same_seed_same_interval() -> None:
    differences = np.random.default_rng(0).normal(size=50)
    assert interval(differences, SETTINGS) == interval(differences, SETTINGS)


@pytest.mark.parametrize("draw", ["normal", "exponential"])
def test_intervals_cover_the_truth_as_often_as_they_say(draw: str) -> None:
    rng = np.random.default_rng(1)
    samples = rng.normal(0.3, 1.0, (300, 100)) if draw == "normal" else rng.exponential(1.0, (300, 100)) - 0.7
    inside = 0
    for differences in samples:
        low, high = interval(differences, SETTINGS)
        inside += low <= 0.3 <= high
    assert 0.915 <= inside / len(samples) <= 0.985  # nominal 0.95, three standard errors of 300 draws


def test_p_values_are_uniform_where_nothing_differs() -> None:
    rng = np.random.default_rng(2)
    values = [p_value(rng.normal(size=60), SETTINGS) for _ in range(200)]
    assert 0.01 <= np.mean(np.array(values) < 0.05) <= 0.10
