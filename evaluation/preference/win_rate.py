"""The win rate, and the shares that expose a judge of positions or lengths, with intervals over titles."""

from collections.abc import Sequence

import numpy as np

from evaluation.preference.pairs import Pair
from evaluation.preference.prompt import Verdict
from evaluation.preference.record import LengthBias, Share
from evaluation.statistics.intervals import mean_interval
from evaluation.statistics.significance import p_values
from titlecraft.settings import Evaluation

INTERVAL_METHOD = (
    "Student's t interval of the mean score of the titles, with the standard error over clusters of similar titles (Cameron and Miller "
    "2015) and two pseudo-observations at the largest deviation (after Bonett and Price 2012), cut at 0 and 1; none for fewer than 30 "
    "titles or clusters. p-value from random sign flips of the clusters' scores around one half, two-sided"
)
FIRST_SHOWN: dict[Verdict, float] = {"1": 1.0, "2": 0.0, "tie": 0.5}


def share_of(scores: Sequence[float] | np.ndarray, settings: Evaluation, clusters: np.ndarray | None = None) -> Share:
    """The mean of scores from 0 to 1 [n, at least 1] with its interval."""
    values = np.asarray(scores, dtype=float)
    interval = mean_interval(values - 0.5, settings, clusters, largest=0.5, plus_four=False)
    low, high = (None if end is None else float(np.clip(end + 0.5, 0, 1)) for end in (interval.low, interval.high))
    return Share(share=float(values.mean()), low=low, high=high, n=len(values))


def share_where(
    which: np.ndarray, scores: np.ndarray, settings: Evaluation, clusters: np.ndarray | None
) -> Share | None:
    """The share over some of the titles, a mask [n]; None if it has none."""
    if not which.any():
        return None
    return share_of(scores[which], settings, None if clusters is None else clusters[which])


def score_of(answers: Sequence[Verdict]) -> float | None:
    """The score of the second arm from the answers in both orders, second arm second and then first; None without a verdict.

    1 if both answers prefer the second arm's text, 0 if both prefer the first arm's, and 0.5 for ties and for answers that
    disagree between the orders.
    """
    if "no verdict" in answers:
        return None
    if list(answers) == ["2", "1"]:
        return 1.0
    return 0.0 if list(answers) == ["1", "2"] else 0.5


def position_of(answers: Sequence[Verdict]) -> float:
    """The share of these answers for the text shown first; ties count half."""
    return sum(FIRST_SHOWN[answer] for answer in answers) / len(answers)


def same_in_both_orders(answers: Sequence[Verdict]) -> float:
    """1.0 if the two answers agree on a text or on a tie, else 0.0."""
    return float(list(answers) in (["2", "1"], ["1", "2"], ["tie", "tie"]))


def p_value_of(scores: Sequence[float], settings: Evaluation, clusters: np.ndarray | None) -> float:
    """The two-sided p-value of a win rate of one half."""
    return p_values(np.asarray(scores, dtype=float)[None, :] - 0.5, settings, clusters)[0]


def length_bias(
    pairs: Sequence[Pair], scores: Sequence[float], settings: Evaluation, clusters: np.ndarray | None
) -> LengthBias:
    """How the winners depend on the lengths of the texts."""
    values = np.asarray(scores, dtype=float)
    lengths = np.array([[len(text.strip()) for text in pair.texts] for pair in pairs])
    longer, shorter = lengths[:, 1] > lengths[:, 0], lengths[:, 1] < lengths[:, 0]
    decided = (values != 0.5) & (longer | shorter)
    return LengthBias(
        longer_wins=share_where(decided, ((values > 0.5) == longer).astype(float), settings, clusters),
        when_longer=share_where(longer, values, settings, clusters),
        when_shorter=share_where(shorter, values, settings, clusters),
    )
