"""The rungs of a sweep, which recipes survive, and the interval by which two of them are compared."""

from itertools import pairwise

import numpy as np
import pytest

from training.sweep.halving import FINALISTS, plan_rungs, rows_to_score, runs_of_sweep, survivors
from training.sweep.intervals import paired_interval


@pytest.mark.parametrize(
    ("recipes", "rungs"),
    [
        (2, [(1.0, 2)]),
        (3, [(0.5, 3), (1.0, 2)]),
        (4, [(0.5, 4), (1.0, 2)]),
        (12, [(0.125, 12), (0.25, 6), (0.5, 3), (1.0, 2)]),
        (64, [(0.125, 64), (0.25, 32), (0.5, 16), (1.0, 8)]),
    ],
)
def test_the_better_half_trains_twice_as_far(recipes: int, rungs: list[tuple[float, int]]) -> None:
    assert [(rung.share, rung.runs) for rung in plan_rungs(recipes)] == rungs


def test_a_sweep_is_never_dearer_than_all_runs_and_ends_with_several() -> None:
    for recipes in range(2, 257):
        rungs = plan_rungs(recipes)
        assert rungs[0].runs == recipes and rungs[-1].share == 1 and rungs[-1].runs >= FINALISTS
        assert all(one.runs >= other.runs and one.share < other.share for one, other in pairwise(rungs))
        assert runs_of_sweep(rungs) <= recipes and 1 <= rungs[0].step(5) < rungs[-1].step(9) == 9


def test_a_run_that_goes_on_repeats_no_step() -> None:
    assert runs_of_sweep(plan_rungs(12)) == 12 / 8 + 6 / 8 + 3 / 4 + 2 / 2


def test_the_lowest_losses_survive_and_of_equal_ones_the_first() -> None:
    assert survivors({1: 0.3, 2: 0.1, 3: 0.2, 4: 0.1}, 2) == [2, 4]
    assert survivors({5: 0.2, 4: 0.2, 1: 0.9}, 1) == [4]
    assert survivors({7: 0.5}, 2) == [7]


def test_scoring_takes_a_quarter_of_the_training_at_most() -> None:
    rungs = plan_rungs(12)
    rows = [rows_to_score(rung, rungs, 3200, 441, 64) for rung in rungs]
    assert rows == [100, 100, 200, 400] and rows_to_score(rungs[0], rungs, 100, 441, 64) == 64
    assert rows_to_score(rungs[0], rungs, 100, 20, 64) == 20


def test_the_interval_is_that_of_a_sum_by_a_sum_over_resampled_rows() -> None:
    random = np.random.default_rng(0)
    tokens = random.integers(5, 200, 300)
    others = tokens * random.normal(2.0, 0.3, 300)
    losses = others + tokens * random.normal(-0.02, 0.05, 300)
    difference, low, high = paired_interval(losses, others, tokens)
    assert difference == pytest.approx(losses.sum() / tokens.sum() - others.sum() / tokens.sum())
    rows = random.integers(0, 300, (4000, 300))
    resampled = (losses - others)[rows].sum(axis=1) / tokens[rows].sum(axis=1)
    assert (low, high) == pytest.approx(np.quantile(resampled, [0.025, 0.975]), abs=7e-4)
    assert low < difference < high < 0, "the rows tell these two apart"
    unpaired = paired_interval(losses, random.permutation(others), tokens)
    assert unpaired[2] - unpaired[1] > 5 * (high - low)


def test_equal_losses_have_no_interval_and_one_row_neither() -> None:
    assert paired_interval(np.ones(5), np.ones(5), np.ones(5)) == (0, 0, 0)
    assert paired_interval(np.array([2.0]), np.array([1.0]), np.array([4])) == (0.25, 0.25, 0.25)
    low, high = paired_interval(np.full(9, 2.0), np.ones(9), np.full(9, 2))[1:]
    assert (low, high) == (0.5, 0.5), "without spread the interval is a point, and not a NaN"
