"""Computes in several processes, while the GPU works, what measures read from title, answer and reference alone."""

from collections.abc import Sequence
from typing import Any

from evaluation.measures import ALL_ENTRIES, Entry, Written
from evaluation.measures.counts import bleu_scorer, chrf_pp_scorer, counts, keep_counts
from evaluation.measures.overlap import SCORES
from evaluation.processes import run_all, workers

ANSWERS_AT_ONCE = 32  # answers per call of a process
ALONE = {entry.name: entry for entry in ALL_ENTRIES if entry.alone}
COUNTED = (chrf_pp_scorer, bleu_scorer)

Answer = tuple[str, str, str]  # title, text, reference


def written(title: str, text: str, reference: str, known: Any = None) -> Written:
    """An answer of which only the texts are known."""
    return Written(text, 0, False, reference, 0, title, None, None, known)


def values_of(answers: Sequence[Answer]) -> list[tuple[dict[str, float], list[tuple[int, ...]]]]:
    """For each answer the overlap scores and the values of ALONE, by name, and the counts of COUNTED."""
    found = []
    for title, text, reference in answers:
        scores = {name: score(text, reference) for name, score in SCORES.items()}
        alone = {name: entry.value(written(title, text, reference)) for name, entry in ALONE.items()}
        found.append((scores | alone, [counts(scorer(), text, reference) for scorer in COUNTED]))
    return found


class Overlaps:
    """Values cached by `look_up`; those that are not in the cache are computed when they are requested."""

    def __init__(self) -> None:
        self.known: dict[Answer, dict[str, float]] = {}
        self.scores: dict[tuple[str, str], dict[str, float]] = {}

    def look_up(self, answers: Sequence[Answer]) -> None:
        """Compute the values of each distinct answer in several processes. No-op if there are too few texts or cores."""
        if (processes := workers(len(answers))) == 1:
            return
        distinct = list(dict.fromkeys(answers))
        chunks = [distinct[start : start + ANSWERS_AT_ONCE] for start in range(0, len(distinct), ANSWERS_AT_ONCE)]
        found = [one for chunk in run_all([(values_of, (chunk,)) for chunk in chunks], processes) for one in chunk]
        self.known = {answer: values for answer, (values, _) in zip(distinct, found, strict=True)}
        pairs = [(text, reference) for _, text, reference in distinct]
        self.scores = {pair: values for pair, (values, _) in zip(pairs, found, strict=True)}
        for index, scorer in enumerate(COUNTED):
            keep_counts(scorer(), pairs, [counted[index] for _, counted in found])

    def score(self, name: str, text: str, reference: str) -> float:
        """The score of this name (see SCORES) of a text against its reference."""
        scores = self.scores.get((text, reference))
        return SCORES[name](text, reference) if scores is None else scores[name]

    def value(self, entry: Entry, answer: Written) -> float:
        """The value of a measure that reads title, text and reference alone (`Entry.alone`)."""
        values = self.known.get((answer.title, answer.text, answer.reference))
        return entry.value(answer) if values is None else values[entry.name]
