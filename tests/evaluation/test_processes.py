"""Several processes give the same results as one."""

import os

import pytest

from evaluation.lookup.overlaps import Overlaps
from evaluation.measures import measures_of
from evaluation.measures.overlap import SCORES
from evaluation.outcome import Outcome
from evaluation.processes import run_all, workers
from evaluation.statistics.compare import compare_all
from titlecraft.settings import Evaluation

SETTINGS = Evaluation(resamples=99)
TEXTS = [f"A lamp number {n} of red glass for the {'desk' if n % 3 else 'attic'}." for n in range(70)]
REFERENCES = [f"Lamp {n}, made of red glass, stands on a desk." for n in range(70)]
CLUSTERS = [n // 2 for n in range(70)]


def test_results_are_in_order_and_from_other_processes() -> None:
    assert run_all([(pow, (2, n)) for n in range(9)], 1) == [2**n for n in range(9)]
    first, other = run_all([(os.getpid, ()), (max, ("ab",))], 2)
    assert first != os.getpid() and other == "b"


def test_few_titles_or_cores_use_one_process(monkeypatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    assert (workers(399), workers(400)) == (1, 16)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert workers(2000) == 1


@pytest.mark.parametrize("processes", [1, 2])
def test_cached_overlap_scores_are_the_same(processes: int, monkeypatch) -> None:
    monkeypatch.setattr("evaluation.lookup.overlaps.workers", lambda texts: processes)
    overlaps, pairs = Overlaps(), list(zip(TEXTS, REFERENCES, strict=True))
    overlaps.look_up([*pairs, pairs[0]])
    assert len(overlaps.known) == (70 if processes == 2 else 0)
    for name, score in SCORES.items():
        assert [overlaps.score(name, *pair) for pair in pairs] == [score(*pair) for pair in pairs]


def test_the_comparison_is_the_same_in_two_processes() -> None:
    arms = {
        arm: [
            Outcome(
                prompt="",
                texts=[text],
                tokens=9,
                values={entry.name: (n * (3 if arm == "after" else 2)) % 7 / 7 for entry in measures_of(SETTINGS)},
            )
            for n, text in enumerate(texts)
        ]
        for arm, texts in (("before", TEXTS), ("after", TEXTS[1:] + TEXTS[:1]))
    }
    one, two = (compare_all(arms, REFERENCES, SETTINGS, CLUSTERS, processes=processes) for processes in (1, 2))
    assert one == two and [measure.name for measure in one] == [entry.name for entry in measures_of(SETTINGS)]
    assert all(measure.p_value < 1 for measure in one if measure.name in ("bleu", "chrf_pp"))
