"""Measures over all titles as one text (BLEU, chrF++): sacrebleu's scores, its paired test, and an interval beside it.

lighteval's own corpus chrF is wrong (39.6 where sacrebleu says 35.8), so only the texts come from lighteval.
"""

import os
from dataclasses import dataclass
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np
from sacrebleu.significance import PairedTest

from evaluation.measures.counts import every_count
from titlecraft.settings import Evaluation


@dataclass(frozen=True)
class Paired:
    """Two corpora against one reference, as the counts of each title [n, counts] that sacrebleu adds up for a score."""

    metric: Any
    before: np.ndarray
    after: np.ndarray

    @classmethod
    def of(cls, metric: Any, before: list[str], after: list[str], references: list[str]) -> "Paired":
        """Count both, or take what was counted for each title. Source: sacrebleu, the same that its PairedTest uses."""
        return cls(metric, *(np.array(every_count(metric, texts, [references])) for texts in (before, after)))

    def score(self, counts: np.ndarray) -> float:
        """sacrebleu's corpus score of counts that are added up."""
        return float(self.metric._compute_score_from_stats(counts.tolist()).score)

    def difference(self, titles: np.ndarray) -> float:
        """Corpus score after − before over these titles, by their places [m]; one may be there several times."""
        return float(self.differences(titles))

    def differences(self, titles: np.ndarray, axis: int = -1) -> np.ndarray:
        """The same of many resamples of titles [..., m] at once, [...]; `axis` is the last one.

        How often each title is there, times its counts, is the sum of the counts: exact, since they are whole numbers.
        """
        rows = titles.reshape(-1, titles.shape[axis])
        places = rows + len(self.before) * np.arange(len(rows))[:, None]
        often = np.bincount(places.ravel(), minlength=len(rows) * len(self.before)).reshape(len(rows), -1)
        after, before = (often.astype(float) @ counts.astype(float) for counts in (self.after, self.before))
        pairs = zip(after.astype(np.int64), before.astype(np.int64), strict=True)
        return np.array([self.score(new) - self.score(old) for new, old in pairs]).reshape(titles.shape[:-1])

    def scores(self) -> tuple[float, float]:
        """Corpus scores before and after."""
        return self.score(self.before.sum(0)), self.score(self.after.sum(0))

    def std(self) -> float:
        """Standard deviation of one title's part in the difference, by the jackknife's pseudo-values (Tukey 1958)."""
        n, sums = len(self.before), (self.before.sum(0), self.after.sum(0))
        without = [
            self.score(sums[1] - new) - self.score(sums[0] - old)
            for old, new in zip(self.before, self.after, strict=True)
        ]
        return float(np.std((n - 1) * np.array(without), ddof=1))


def share_as_large(shuffled: np.ndarray, real: float) -> float:
    """p-value: the share of shuffles whose difference is at least the real one, which counts as one (Phipson and Smyth 2010).

    Differences that must be equal are: the scores are of the same whole numbers.
    """
    return (int((shuffled >= real).sum()) + 1) / (len(shuffled) + 1)


def paired_p_value(
    metric: Any, before: list[str], after: list[str], references: list[str], settings: Evaluation
) -> float:
    """p-value of sacrebleu's paired approximate randomisation test (Riezler and Maxwell 2005).

    Because it counts only shuffles with a difference larger than the real one, it would call equal texts significant
    (p = 1 / (shuffles + 1)), and texts that differ for one title in thousands: see `share_as_large`.
    """
    if before == after:  # 1 without asking it
        return 1.0
    seed = patch.dict(os.environ, SACREBLEU_SEED=str(settings.seed or 1))  # it takes a seed of 0 for none
    counted = patch.object(metric, "_extract_corpus_statistics", partial(every_count, metric))  # it would count anew
    with seed, counted, patch("sacrebleu.significance._compute_p_value", share_as_large):
        test = PairedTest(
            [("before", before), ("after", after)],
            {"score": metric},
            [references],
            test_type="ar",
            n_samples=settings.resamples,
        )
        _, found = test()
    (name,) = found.keys() - {"System"}
    return float(found[name][1].p_value)  # pyright: ignore[reportAttributeAccessIssue, reportArgumentType]
