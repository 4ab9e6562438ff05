"""Finished batches of an interrupted evaluation: when they are read again, and when not."""

from math import isnan, nan
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluation.model.finished_batches import FinishedBatches
from evaluation.run import work_of

RUN = {"key": "a" * 64, "device": "cpu", "threads": 1}
ASKED = ([[1, 2], [3]], 12)


def never() -> list[float]:
    raise AssertionError("computed again")


def test_the_next_run_reads_finished_answers_bit_for_bit(tmp_path: Path) -> None:
    first = FinishedBatches(tmp_path, RUN)
    assert len(first) == 0
    assert first.answers("scoring", "before", ASKED, lambda: [0.1 + 0.2, -1e-300, nan, 3.0]) is not None
    assert first.answers("generating", "after", ASKED, lambda: [[5, 128_000], []]) == [[5, 128_000], []]
    second = FinishedBatches(tmp_path, RUN)
    assert len(second) == 2
    result = second.answers("scoring", "before", ASKED, never)
    assert result[:2] == [0.30000000000000004, -1e-300] and isnan(result[2]) and isinstance(result[3], float)
    assert second.answers("generating", "after", ASKED, never) == [[5, 128_000], []]
    assert second.summary() == "scoring 1 found and 0 computed, generating 1 found and 0 computed"


@pytest.mark.parametrize(
    ("run", "doing", "arm", "asked"),
    [
        (RUN | {"key": "b" * 64}, "scoring", "before", ASKED),  # another adapter, dataset, recipe or code
        (RUN | {"threads": 2}, "scoring", "before", ASKED),
        (RUN, "scoring_elsewhere", "before", ASKED),
        (RUN, "scoring", "after", ASKED),
        (RUN, "scoring", "before", ([[1, 2], [4]], 12)),  # another neighbour in the batch
        (RUN, "scoring", "before", ([[1, 2], [3]], 13)),
    ],
)
def test_another_request_is_computed(tmp_path: Path, run: dict, doing: str, arm: str, asked: tuple) -> None:
    FinishedBatches(tmp_path, RUN).answers("scoring", "before", ASKED, lambda: [1.0])
    assert FinishedBatches(tmp_path, run).answers(doing, arm, asked, lambda: [2.0]) == [2.0]


@pytest.mark.parametrize("length", [0, 20, 32, 40])
def test_a_truncated_file_is_computed_again(tmp_path: Path, length: int) -> None:
    FinishedBatches(tmp_path, RUN).answers("scoring", "before", ASKED, lambda: [1.0, 2.0])
    (file,) = [path for path in tmp_path.iterdir() if path.is_file()]
    file.write_bytes(file.read_bytes()[:length])
    assert FinishedBatches(tmp_path, RUN).answers("scoring", "before", ASKED, lambda: [3.0]) == [3.0]
    assert FinishedBatches(tmp_path, RUN).answers("scoring", "before", ASKED, never) == [3.0]


def test_a_failed_batch_and_a_missing_folder_store_nothing(tmp_path: Path) -> None:
    finished = FinishedBatches(tmp_path, RUN)
    with pytest.raises(AssertionError):
        finished.answers("scoring", "before", ASKED, never)
    assert len(finished) == 0
    nothing = FinishedBatches(None, RUN)
    assert [nothing.answers("scoring", "before", ASKED, lambda number=number: number) for number in (1, 2)] == [1, 2]
    assert len(nothing) == 0


def test_fresh_clears_the_folder_and_another_key_has_another_folder(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TITLECRAFT_WORK", str(tmp_path))
    inputs: Any = SimpleNamespace(adapter=SimpleNamespace(repo="ns/adapter"), key="a" * 64)
    other: Any = SimpleNamespace(adapter=inputs.adapter, key="b" * 64)
    for one in (inputs, other):
        FinishedBatches(work_of(one, fresh=False) / "batches", RUN).answers("scoring", "before", ASKED, lambda: [1.0])
    (work_of(inputs, fresh=False) / "publish" / "half.png").write_bytes(b"")
    work = work_of(inputs, fresh=False)
    assert work == tmp_path / "evaluation" / "ns--adapter" / ("a" * 64)
    assert len(FinishedBatches(work / "batches", RUN)) == 1 and list((work / "publish").iterdir()) == []
    assert len(FinishedBatches(work_of(inputs, fresh=True) / "batches", RUN)) == 0
    assert len(FinishedBatches(work_of(other, fresh=False) / "batches", RUN)) == 1
