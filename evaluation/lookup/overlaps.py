"""Computes the overlap scores of all answers (chrF, chrF++, BLEU, ROUGE-L) in several processes."""

from collections.abc import Sequence

from evaluation.measures.overlap import SCORES
from evaluation.processes import run_all, workers

PAIRS_AT_ONCE = 32  # pairs per call of a process


def score_pairs(pairs: Sequence[tuple[str, str]]) -> list[dict[str, float]]:
    """All scores of each pair (text, reference), by name."""
    return [{name: score(text, reference) for name, score in SCORES.items()} for text, reference in pairs]


class Overlaps:
    """Overlap scores, cached by `look_up`; pairs that are not in the cache are scored when they are requested."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], dict[str, float]] = {}

    def look_up(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Score each distinct pair (text, reference) in several processes. No-op if there are too few texts or cores."""
        if (processes := workers(len(pairs))) == 1:
            return
        unique_pairs = list(dict.fromkeys(pairs))
        chunks = [unique_pairs[start : start + PAIRS_AT_ONCE] for start in range(0, len(unique_pairs), PAIRS_AT_ONCE)]
        chunk_scores = run_all([(score_pairs, (chunk,)) for chunk in chunks], processes)
        self.known = dict(zip(unique_pairs, [scores for chunk in chunk_scores for scores in chunk], strict=True))

    def score(self, name: str, text: str, reference: str) -> float:
        """The score of this name (see SCORES) of a text against its reference."""
        scores = self.known.get((text, reference))
        return SCORES[name](text, reference) if scores is None else scores[name]
