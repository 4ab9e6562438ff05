"""Statistics of paired differences: bootstrap, p-value, Holm correction and minimum detectable effect."""

import warnings
from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import numpy as np
from scipy import stats

from titlecraft.settings import Evaluation

POWER = 0.8  # the usual choice (Cohen 1988)
# resamples and sign flips that scipy holds in memory at once: they change the speed, not a result of a given version
ROWS_AT_ONCE = 500
FLIPS_AT_ONCE, VALUES_AT_ONCE = 100, 1 << 23


def bootstrap(
    sample: np.ndarray, statistic: Callable[..., Any], settings: Evaluation, vectorized: bool
) -> tuple[float, float]:
    """BCa bootstrap interval (Efron 1987) of a statistic of a sample [n].

    If all resamples lie on one side of the statistic, BCa is undefined and the percentile interval is returned.
    """

    def interval_by(method: str) -> Any:
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

    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):  # scipy may divide 0 by 0
        warnings.simplefilter("error", stats.DegenerateDataWarning)  # never a silent NaN
        try:
            result = interval_by("BCa")
        except stats.DegenerateDataWarning:
            result = interval_by("percentile")
    if not np.isfinite([result.low, result.high]).all():
        result = interval_by("percentile")
    return float(result.low), float(result.high)


def p_value(differences: np.ndarray, settings: Evaluation) -> float:
    """Two-sided p-value of paired differences [n] against random signs, from seeded random sign flips."""
    return p_values(differences[None], settings)[0]


def p_values(differences: np.ndarray, settings: Evaluation, clusters: np.ndarray | None = None) -> list[float]:
    """`p_value` of each row of paired differences [measures, n]. All rows share the same sign flips, which are drawn once.

    Titles of one of the `clusters` [n] change their sign together.
    """
    if clusters is not None:
        _, labels = np.unique(clusters, return_inverse=True)
        differences = np.stack([np.bincount(labels, row) for row in differences])
    p = np.ones(len(differences))
    differ = differences.any(axis=1)
    if differ.any():
        rows = differences[differ]
        p[differ] = stats.permutation_test(
            (rows,),
            np.mean,
            permutation_type="samples",
            vectorized=True,
            n_resamples=settings.resamples,
            axis=1,
            batch=max(1, min(FLIPS_AT_ONCE, VALUES_AT_ONCE // rows.size)),
            rng=np.random.default_rng(settings.seed),
        ).pvalue
    return p.tolist()


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for multiple comparisons, step-down (Holm 1979); compare each with the level of the family."""
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(steps, 1.0)
    return corrected.tolist()


def minimum_detectable_effect(std: float, n: int, settings: Evaluation, design_effect: float = 1.0) -> float:
    """Smallest mean difference that n paired differences with this standard deviation detect with POWER.

    (z of 1 − level / 2 + z of POWER) · std · √(design effect / n), the normal approximation for a paired comparison (Cohen 1988).
    """
    z = stats.norm.ppf(1 - settings.level / 2) + stats.norm.ppf(POWER)
    return float(z * std / sqrt(n / design_effect))


def smallest_p_value(settings: Evaluation) -> float:
    """The smallest two-sided p-value that this number of random sign flips can give."""
    return 2 / (settings.resamples + 1)
