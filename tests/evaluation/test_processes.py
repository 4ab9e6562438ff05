"""Several processes give the same results as one."""

import os
from typing import Any

import pytest

from evaluation.lookup.overlaps import ALONE, COUNTED, Overlaps, written
from evaluation.lookup.title_index import TitleIndex
from evaluation.measures import counts, measures_of
from evaluation.measures.overlap import SCORES
from evaluation.outcome import Outcome
from evaluation.processes import run_all, workers
from evaluation.statistics.compare import compare_all
from evaluation.statistics.known_counts import with_counts
from evaluation.statistics.paired import corpora_p_value, describe_corpora
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
def test_cached_values_are_the_same(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.lookup.overlaps.workers", lambda texts: processes)
    monkeypatch.setattr(counts, "KEPT", {})
    overlaps, answers = Overlaps(), [("A lamp", *pair) for pair in zip(TEXTS, REFERENCES, strict=True)]
    overlaps.look_up([*answers, answers[0]])
    assert len(overlaps.known) == (70 if processes == 2 else 0)
    pairs = list(zip(TEXTS, REFERENCES, strict=True))
    kept = [counts.kept_counts(scorer(), pairs) for scorer in COUNTED]
    monkeypatch.setattr(counts, "KEPT", {})
    counted = [[counts.counts(scorer(), *pair) for pair in pairs] for scorer in COUNTED]
    assert kept == ([None, None] if processes == 1 else counted)
    for name, score in SCORES.items():
        assert [overlaps.score(name, *pair) for pair in pairs] == [score(*pair) for pair in pairs]
    assert {"distinct_2", "unsupported_names"} <= ALONE.keys()
    for entry in ALONE.values():
        expected = [entry.value(written(*answer)) for answer in answers]
        assert [overlaps.value(entry, written(*answer)) for answer in answers] == expected
    overlaps.known = {answers[0]: {"distinct_2": 7.0}}
    assert overlaps.value(ALONE["distinct_2"], written(*answers[0])) == 7.0


def test_ranks_are_the_same_in_two_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    titles = [f"Lamp {n} of {'red' if n % 3 else 'green'} glass" for n in range(120)]
    answers = [(title, text) for title, text in zip(titles, TEXTS, strict=False)] * 2
    one, two = TitleIndex(titles, 7), TitleIndex(titles, 7)
    monkeypatch.setattr("evaluation.lookup.title_index.workers", lambda texts: 2)
    two.look_up(answers)
    assert len(two.known_ranks) == len(TEXTS) and not one.known_ranks
    assert two.ranks(answers) == one.ranks(answers) and len(set(one.ranks(answers))) > 2
    monkeypatch.setattr(two, "scores", None)  # computing a rank would raise TypeError
    assert two.ranks(answers) == one.ranks(answers)


@pytest.mark.parametrize("function", [describe_corpora, corpora_p_value])
def test_what_is_counted_is_handed_over_and_not_counted_again(function: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts, kept = {"before": TEXTS[:6], "after": TEXTS[6:12]}, {}
    monkeypatch.setattr(counts, "KEPT", kept)
    call = (function, ("bleu", texts, REFERENCES[:6], SETTINGS, None))
    assert with_counts(call, 2) == call  # nothing is known
    expected = function(*call[1])
    assert with_counts(call, 1) == call
    handed_over, arguments = with_counts(call, 2)
    kept.clear()
    monkeypatch.setattr(counts, "units", None)  # counting would raise TypeError
    monkeypatch.setattr(counts.bleu_scorer(), "num_refs", None)  # as in a process that has counted nothing
    assert handed_over(*arguments) == expected


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
