"""data.near_duplicates: drop keeps the first of each group of near-duplicates, whatever the workers."""

import json
from pathlib import Path

import numpy as np
import pytest

from dataset_builder.duplicates.repeated import later_near_duplicates
from tests.dataset_builder.build_offline import build_offline
from tests.dataset_builder.duplicates.test_duplicates import edited, text
from titlecraft.settings import Data

DROP = Data(test_share=0.1, validation_share=0.1, near_duplicates="drop")


def write(folder: Path, contents: list[str]) -> Path:
    rows = [{"uid": f"{n}", "title": f"Kettle {n}", "content": one} for n, one in enumerate(contents)]
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def published(work: Path) -> list[tuple[str, str]]:
    import pyarrow.parquet as pq

    files = sorted((work / "publish" / "data").glob("*.parquet"))
    return [(file.name, uid) for file in files for uid in pq.read_table(file).column("uid").to_pylist()]


def test_the_first_of_each_cluster_stays_with_all_its_titles() -> None:
    contents = np.array([7, 3, 7, 9, 5, 3, 4, 4], np.uint64)
    pairs = np.array([[0, 1], [1, 4], [3, 6]])
    later = later_near_duplicates(contents, pairs, np.array([0.9, 0.8, 0.79], np.float32))
    assert later.tolist() == [False, True, False, False, True, True, False, False]
    none = later_near_duplicates(contents, np.empty((0, 2), np.int64), np.empty(0, np.float32))
    assert not none.any() and not later_near_duplicates(contents[:0], pairs[:0], np.empty(0)).size


@pytest.mark.parametrize("seed", [0, 1])
def test_near_duplicates_are_dropped_and_counted(tmp_path: Path, seed: int) -> None:
    """Three copies of each of 200 texts, at random places; one word of 300 is changed in each."""
    contents = [edited(text(number, 300), 3 + 5 * copy) for number in range(200) for copy in range(3)]
    order = np.random.default_rng(seed).permutation(len(contents))
    source = write(tmp_path, [contents[index] for index in order])
    record = build_offline(source, tmp_path / "work", DROP)
    assert record.published == 200 and record.dropped == {"near_duplicate": 400}
    assert record.near_duplicates == 0 and record.near_measured == 200
    firsts = {number: min(np.flatnonzero(order // 3 == number)) for number in range(200)}
    assert sorted(int(uid) for _, uid in published(tmp_path / "work")) == sorted(firsts.values())
    assert json.loads(record.to_json())["data"]["near_duplicates"] == "drop"


def test_workers_and_blocks_change_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import dataset_builder.source.read_blocks as read_blocks

    contents = [edited(text(number), 3 + 5 * copy) for copy in range(2) for number in range(100)]
    source = write(tmp_path, contents)
    one = build_offline(source, tmp_path / "one", DROP)
    monkeypatch.setattr(read_blocks.read_blocks, "__defaults__", (0, None, 1 << 13, "utf-8"))
    two = build_offline(source, tmp_path / "two", DROP, workers=2)
    assert one.to_json() == two.to_json() and published(tmp_path / "one") == published(tmp_path / "two")


def test_truth_values_are_words_of_before() -> None:
    assert Data(near_duplicates="group") == Data(near_duplicates=True) == Data()
    assert Data(near_duplicates="off") == Data(near_duplicates=False) != Data()
