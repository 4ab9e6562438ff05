"""The interval of a mean paired difference, over titles or over clusters of titles.

Student's t interval of the mean, with the cluster-robust standard error of a mean where titles are clustered (Cameron and Miller
2015; Kish 1965 for the design effect and the degrees of freedom). Two pseudo-observations at the largest deviation on either side enter the standard error,
in the spirit of Agresti and Min (2005) and Bonett and Price (2012): without them an interval is too short where few titles differ.
benchmarks/coverage.py simulates how often it holds the true mean, beside the BCa bootstrap of earlier versions.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from evaluation.statistics.significance import bootstrap
from evaluation.titles.draw import FEWEST
from titlecraft.settings import Evaluation

BCA = "BCa bootstrap of the mean paired difference"  # beginning of the `method` of older reports


@dataclass(frozen=True)
class Interval:
    """An interval of a mean difference; None with fewer than FEWEST titles or clusters.

    Args:
        design_effect: the variance of the mean over clusters, as a multiple of that over independent titles; None without clusters.
        titles_low, titles_high: the interval as if titles were independent; None without clusters.
    """

    low: float | None
    high: float | None
    design_effect: float | None = None
    titles_low: float | None = None
    titles_high: float | None = None


def mean_interval(
    differences: np.ndarray, settings: Evaluation, clusters: np.ndarray | None = None, largest: float | None = None
) -> Interval:
    """The interval of the mean of paired differences [n] at settings.confidence.

    Args:
        clusters: the cluster of each title, integers [n]; None, or a cluster for each title, for independent titles.
        largest: largest possible difference of one title (`Entry.largest`).
    """
    titles = np.arange(len(differences))
    low, high = t_interval(differences, titles, settings, largest)
    if clusters is None or len(np.unique(clusters)) == len(differences):
        return Interval(low, high)
    independent = standard_error(*cluster_residuals(differences, titles))
    clustered = standard_error(*cluster_residuals(differences, clusters))
    effect = float((clustered / independent) ** 2) if independent > 0 else 1.0
    return Interval(*t_interval(differences, clusters, settings, largest), effect, low, high)


def cluster_residuals(differences: np.ndarray, clusters: np.ndarray) -> tuple[np.ndarray, float]:
    """Residual of each cluster [clusters]: its sum of differences minus size times mean difference; and the number of titles.

    A large cluster pulls the mean towards itself, so its residual is too small. It is scaled up as in the jackknife (CR3, Bell and
    McCaffrey 2002), relative to clusters of equal size.
    """
    _, labels = np.unique(clusters, return_inverse=True)
    sums, sizes = np.bincount(labels, differences), np.bincount(labels)
    leverage = sizes / len(differences)
    scale = (1 - 1 / len(sizes)) / np.maximum(1 - leverage, 1 / len(differences))
    return (sums - differences.mean() * sizes) * scale, float(len(differences))


def effective_count(clusters: np.ndarray) -> float:
    """Effective number of clusters (Kish 1965): (sum of sizes)² / sum of squared sizes."""
    _, sizes = np.unique(clusters, return_counts=True)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def standard_error(residuals: np.ndarray, titles: float) -> float:
    """The cluster-robust standard error of the mean difference, from the residuals by cluster."""
    count = len(residuals)
    return float(np.sqrt(count / max(1, count - 1) * (residuals @ residuals)) / titles)


def t_interval(
    differences: np.ndarray, clusters: np.ndarray, settings: Evaluation, largest: float | None
) -> tuple[float | None, float | None]:
    """Both ends of the interval; None and None for fewer than FEWEST clusters.

    If all differences are equal, the pseudo-observations are at ± `largest`, as if one title on either side could differ. Without
    `largest` the interval is that one value.
    """
    residuals, titles = cluster_residuals(differences, clusters)
    count, mean = len(residuals), float(differences.mean())
    if count < FEWEST:
        return None, None
    spread = float(np.abs(residuals).max())
    if np.all(differences == differences[0]):
        if largest is None:
            return mean, mean
        residuals, spread = np.zeros(count), largest * titles / count
    widened = np.append(residuals, [spread, -spread])
    error = standard_error(widened, titles * (count + 2) / count)
    reach = float(stats.t.ppf(0.5 + settings.confidence / 2, effective_count(clusters) + 1)) * error
    return mean - reach, mean + reach


def bca_interval(differences: np.ndarray, settings: Evaluation) -> Interval:
    """BCa bootstrap interval of the mean (Efron 1987). `verify` recomputes reports of earlier versions with it."""
    if np.all(differences == differences[0]):
        return Interval(float(differences[0]), float(differences[0]))
    return Interval(*bootstrap(differences, np.mean, settings, vectorized=True))
