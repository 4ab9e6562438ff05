"""Corpus-level measures (BLEU, chrF++): sacrebleu's scores and paired test, and a bootstrap interval.

lighteval's own corpus chrF is wrong (39.6 instead of 35.8), so only the texts come from lighteval.
"""

import os
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from sacrebleu.significance import PairedTest

from evaluation.measures.counts import corpus_counts
from titlecraft.settings import Evaluation


@dataclass(frozen=True)
class Paired:
    """Two corpora with the same references, as sacrebleu's sufficient statistics of each title [n, counts]."""

    metric: Any
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, metric: Any, before: list[str], after: list[str], references: list[str]) -> "Paired":
        """Both corpora from their texts; cached. Source: sacrebleu's statistics, as in its PairedTest."""
        return cls(metric, *(np.array(corpus_counts(metric, texts, [references])) for texts in (before, after)))

    def by_cluster(self, clusters: np.ndarray) -> "Paired":
        """The same corpora with one row of summed counts for each cluster; `clusters` has integer labels [n]."""
        _, labels = np.unique(clusters, return_inverse=True)
        summed = []
        for counts in (self.before, self.after):
            sums = np.zeros((labels.max() + 1, counts.shape[1]), dtype=counts.dtype)
            np.add.at(sums, labels, counts)
            summed.append(sums)
        return Paired(self.metric, *summed)

    def score(self, counts: np.ndarray) -> float:
        """sacrebleu's corpus score from the summed counts."""
        return float(self.metric._compute_score_from_stats(counts.tolist()).score)

    def difference(self, titles: np.ndarray) -> float:
        """Corpus score after − before over the titles with these indices [m], which may repeat."""
        return float(self.differences(titles))

    def differences(self, titles: np.ndarray, axis: int = -1) -> np.ndarray:
        """`difference` of many resamples of titles [..., m] at once, [...]; `axis` is the last axis.

        The sum of the counts is the frequency of each title times its counts: exact, since they are whole numbers.
        """
        rows = titles.reshape(-1, titles.shape[axis])
        bins = rows + len(self.before) * np.arange(len(rows))[:, None]
        frequencies = np.bincount(bins.ravel(), minlength=len(rows) * len(self.before)).reshape(len(rows), -1)
        after, before = (frequencies.astype(float) @ counts.astype(float) for counts in (self.after, self.before))
        pairs = zip(after.astype(np.int64), before.astype(np.int64), strict=True)
        return np.array([self.score(new) - self.score(old) for new, old in pairs]).reshape(titles.shape[:-1])

    def scores(self) -> tuple[float, float]:
        """Corpus scores before and after."""
        return self.score(self.before.sum(0)), self.score(self.after.sum(0))

    def std(self) -> float:
        """Standard deviation of the titles' contributions to the difference, by jackknife pseudo-values (Tukey 1958)."""
        n, sums = len(self.before), (self.before.sum(0), self.after.sum(0))
        without = [
            self.score(sums[1] - new) - self.score(sums[0] - old)
            for old, new in zip(self.before, self.after, strict=True)
        ]
        return float(np.std((n - 1) * np.array(without), ddof=1))


def share_as_large(shuffled: np.ndarray, observed: float) -> float:
    """p-value: share of differences that are at least the observed one, which is counted among them (Phipson and Smyth 2010).

    Ties are exact, because scores are computed from whole numbers.
    """
    return (int((shuffled >= observed).sum()) + 1) / (len(shuffled) + 1)


def paired_p_value(
    metric: Any,
    before: list[str],
    after: list[str],
    references: list[str],
    settings: Evaluation,
    clusters: np.ndarray | None = None,
) -> float:
    """p-value of sacrebleu's paired approximate randomisation test (Riezler and Maxwell 2005).

    sacrebleu counts only shuffles with a difference larger than the observed one, so that equal texts, or texts that differ
    in one of thousands of titles, would be significant (p = 1 / (shuffles + 1)). `share_as_large` replaces its count. The
    answers of one of the `clusters` are shuffled together: sacrebleu gets the counts of a cluster as those of one text.
    """
    if before == after:
        return 1.0
    cached: Any = partial(corpus_counts, metric)
    if clusters is not None:
        paired = Paired.of(metric, before, after, references).by_cluster(clusters)
        before, after = ([f"{arm} {index}" for index in range(len(paired.before))] for arm in ("before", "after"))
        counts = dict(zip([*before, *after], [*paired.before.tolist(), *paired.after.tolist()], strict=True))
        cached, references = (lambda names, _: [counts[name] for name in names]), [""] * len(before)
    seed = patch.dict(os.environ, SACREBLEU_SEED=str(settings.seed or 1))  # sacrebleu reads a seed of 0 as none
    # the counts are known
    cached_counts = patch.object(metric, "_extract_corpus_statistics", cached)
    with seed, cached_counts, patch("sacrebleu.significance._compute_p_value", share_as_large):
        test = PairedTest(
            [("before", before), ("after", after)],
            {"score": metric},
            [references],
            test_type="ar",
            n_samples=settings.resamples,
        )
        _, scores = test()
    (name,) = scores.keys() - {"System"}
    return float(scores[name][1].p_value)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
