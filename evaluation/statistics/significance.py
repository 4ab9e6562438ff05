"""How sure a mean difference is, from paired differences alone: interval, p-value, correction for several, smallest one seen."""

import warnings
from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np
from scipy import stats

from titlecraft.settings import Evaluation

POWER = 0.8  # the usual one (Cohen 1988)
ROWS_AT_ONCE = 500  # resamples that scipy holds in memory at once; does not change a result for a given version
FLIPS_AT_ONCE, VALUES_AT_ONCE = 100, 1 << 23  # the same for sign flips: more of them are slower


def interval(differences: np.ndarray, settings: Evaluation) -> tuple[float, float]:
    """BCa bootstrap interval of the mean of paired differences [n], at settings.confidence.

    Where all differences are equal, the bootstrap distribution is one point and BCa is undefined: it is that point.
    """
    if np.all(differences == differences[0]):
        return float(differences[0]), float(differences[0])
    return bootstrap(differences, np.mean, settings, vectorized=True)


def bootstrap(
    sample: np.ndarray, statistic: Callable[..., Any], settings: Evaluation, vectorized: bool
) -> tuple[float, float]:
    """BCa bootstrap interval (Efron 1987) of a statistic of a sample [n].

    BCa is undefined where all resamples lie on one side of the statistic: then it is the percentile interval.
    """

    def by(method: str) -> Any:
        return stats.bootstrap(
            (sample,),
            statistic,
            n_resamples=settings.resamples,
            confidence_level=settings.confidence,
            method=method,
            batch=ROWS_AT_ONCE,
            vectorized=vectorized,
            rng=np.random.default_rng(settings.seed),
        ).confidence_interval

    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):  # scipy divides 0 by 0 on the way
        warnings.simplefilter("error", stats.DegenerateDataWarning)  # never a silent NaN
        try:
            result = by("BCa")
        except stats.DegenerateDataWarning:
            result = by("percentile")
    if not np.isfinite([result.low, result.high]).all():
        result = by("percentile")
    return float(result.low), float(result.high)


def p_value(differences: np.ndarray, settings: Evaluation) -> float:
    """Two-sided p-value of "the sign of each paired difference [n] is a coin toss", from seeded random sign flips."""
    return p_values(differences[None], settings)[0]


def p_values(differences: np.ndarray, settings: Evaluation) -> list[float]:
    """The same for each row [measures, n]: all rows see the very flips that each would see alone, drawn once."""
    found = np.ones(len(differences))
    some = differences.any(axis=1)
    if some.any():
        rows = differences[some]
        found[some] = stats.permutation_test(
            (rows,),
            np.mean,
            permutation_type="samples",
            vectorized=True,
            n_resamples=settings.resamples,
            axis=1,
            batch=max(1, min(FLIPS_AT_ONCE, VALUES_AT_ONCE // rows.size)),
            rng=np.random.default_rng(settings.seed),
        ).pvalue
    return found.tolist()


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for being several, step-down (Holm 1979): each compares with the level of the whole family."""
    found = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(found, kind="stable")
    steps = np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1))
    corrected = np.empty_like(found)
    corrected[order] = np.minimum(steps, 1.0)
    return corrected.tolist()


def minimum_detectable_effect(std: float, n: int, settings: Evaluation) -> float:
    """Smallest mean difference that n paired differences with this standard deviation show in POWER of all experiments.

    (z of 1 − level / 2 + z of POWER) · std / √n, the normal approximation for a paired comparison (Cohen 1988).
    """
    z = stats.norm.ppf(1 - settings.level / 2) + stats.norm.ppf(POWER)
    return float(z * std / sqrt(n))
