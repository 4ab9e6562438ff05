"""Before against after, title by title: the mean difference, its interval, a p-value, and who won how often."""

import warnings

import numpy as np
from scipy import stats

from evaluation.measures import Entry
from titlecraft.records import Measure
from titlecraft.settings import Evaluation

INTERVAL_METHOD = (
    "BCa bootstrap of the mean paired difference (Efron 1987; scipy.stats.bootstrap); p-value from random sign flips "
    "of the paired differences, two-sided (scipy.stats.permutation_test)"
)
ROWS_AT_ONCE = 500  # resamples that scipy holds in memory at once; does not change a result for a given version


def interval(differences: np.ndarray, settings: Evaluation) -> tuple[float, float]:
    """BCa bootstrap interval of the mean of paired differences [n], at settings.confidence.

    Where all differences are equal, the bootstrap distribution is one point and BCa is undefined: it is that point.
    """
    if np.all(differences == differences[0]):
        return float(differences[0]), float(differences[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", stats.DegenerateDataWarning)  # never a silent NaN
        result = stats.bootstrap(
            (differences,), np.mean, n_resamples=settings.resamples, confidence_level=settings.confidence,
            method="BCa", batch=ROWS_AT_ONCE, rng=np.random.default_rng(settings.seed),
        ).confidence_interval  # fmt: skip
    return float(result.low), float(result.high)


def p_value(differences: np.ndarray, settings: Evaluation) -> float:
    """Two-sided p-value of "the sign of each paired difference [n] is a coin toss", from seeded random sign flips."""
    if not differences.any():
        return 1.0
    result = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", vectorized=True, n_resamples=settings.resamples,
        batch=ROWS_AT_ONCE, rng=np.random.default_rng(settings.seed),
    )  # fmt: skip
    return float(result.pvalue)


def compare(entry: Entry, before: list[float], after: list[float], settings: Evaluation) -> Measure:
    """One measure over n titles, `before[i]` and `after[i]` of the same title. Wins are titles that got better."""
    old, new = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    differences = new - old
    low, high = interval(differences, settings)
    up, down, ties = int((differences > 0).sum()), int((differences < 0).sum()), int((differences == 0).sum())
    wins, losses = {"higher": (up, down), "lower": (down, up), "neither": (None, None)}[entry.better]
    return Measure(
        name=entry.name, label=entry.label, unit=entry.unit, better=entry.better, definition=entry.definition,
        source=entry.source, n=len(differences), before=float(old.mean()), after=float(new.mean()),
        difference=float(differences.mean()), low=low, high=high, p_value=p_value(differences, settings),
        wins=wins, ties=ties, losses=losses,
    )  # fmt: skip
