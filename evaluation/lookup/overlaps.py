"""Scores of shared n-grams, computed for all answers at once in several processes."""

from collections.abc import Sequence

from evaluation.measures.overlap import SCORES
from evaluation.processes import run_all, workers

PAIRS_AT_ONCE = 32


def score_pairs(pairs: Sequence[tuple[str, str]]) -> list[dict[str, float]]:
    """Every score of each (text, reference)."""
    return [{name: score(text, reference) for name, score in SCORES.items()} for text, reference in pairs]


class Overlaps:
    """Scores that `look_up` computed in several processes; other pairs are scored on demand."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], dict[str, float]] = {}

    def look_up(self, asked: Sequence[tuple[str, str]]) -> None:
        """Score every different (text, reference), where there are enough texts and cores."""
        if (processes := workers(len(asked))) == 1:
            return
        pairs = list(dict.fromkeys(asked))
        parts = [pairs[start : start + PAIRS_AT_ONCE] for start in range(0, len(pairs), PAIRS_AT_ONCE)]
        found = run_all([(score_pairs, (part,)) for part in parts], processes)
        self.known = dict(zip(pairs, [scores for part in found for scores in part], strict=True))

    def score(self, name: str, text: str, reference: str) -> float:
        """One of SCORES."""
        scores = self.known.get((text, reference))
        return SCORES[name](text, reference) if scores is None else scores[name]
