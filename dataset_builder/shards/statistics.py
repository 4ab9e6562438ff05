"""Statistics of a dataset's texts."""

import numpy as np

from titlecraft.records import Distribution

LENGTH_EDGES = [0, 50, 100, 200, 400, 800, 1600, 3200, 6400]


def length_distribution(lengths: np.ndarray) -> Distribution:
    """Return the distribution of lengths in Unicode characters; that of a single 0 if there are none."""
    if not len(lengths):
        lengths = np.zeros(1, dtype=np.int64)
    counts, _ = np.histogram(lengths, bins=[*LENGTH_EDGES, np.inf])
    return Distribution(
        unit="characters",
        mean=round(float(lengths.mean()), 1),
        median=float(np.median(lengths)),
        p95=float(np.percentile(lengths, 95, method="inverted_cdf")),
        maximum=int(lengths.max()),
        edges=LENGTH_EDGES,
        counts=counts.tolist(),
    )
