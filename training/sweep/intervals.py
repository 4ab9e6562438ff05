"""The difference of two recipes in validation NLL per token, with a bootstrap interval over the rows that both scored."""

import warnings

import numpy as np
from scipy import stats

CONFIDENCE, RESAMPLES, SEED = 0.95, 2_000, 7


def paired_interval(losses: np.ndarray, others: np.ndarray, tokens: np.ndarray) -> tuple[float, float, float]:
    """Difference `losses` − `others` in nats per token, and the ends of its interval.

    The statistic is that of the validation loss: a sum over rows by a sum of tokens. Rows are resampled as pairs (BCa, Efron 1987;
    the percentile interval where BCa is undefined).

    Args:
        losses, others: summed NLL of each row under the two recipes, float [rows].
        tokens: answer tokens of each row, [rows].
    """
    differences = np.asarray(losses, dtype=np.float64) - np.asarray(others, dtype=np.float64)
    tokens = np.asarray(tokens, dtype=np.float64)
    difference = float(differences.sum() / tokens.sum())
    if len(differences) < 2 or not differences.any():
        return difference, difference, difference
    low, high = bootstrap(differences, tokens, "BCa")
    if not np.isfinite([low, high]).all():
        low, high = bootstrap(differences, tokens, "percentile")
    return difference, low, high


def bootstrap(differences: np.ndarray, tokens: np.ndarray, method: str) -> tuple[float, float]:
    """The interval by one of scipy's methods; NaN where the method is undefined."""
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        result = stats.bootstrap(
            (differences, tokens),
            lambda sums, counts, axis: sums.sum(axis=axis) / counts.sum(axis=axis),
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            confidence_level=CONFIDENCE,
            method=method,
            rng=np.random.default_rng(SEED),
        ).confidence_interval
    return float(result.low), float(result.high)
