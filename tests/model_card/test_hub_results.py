"""`.eval_results/*.yaml` of an evaluated adapter: what the Hub reads, and that a changed result does not hold."""

import json
from pathlib import Path

import pytest

from tests.model_card.hub_results_world import ARC
from tests.own_hub import run_on_own_hub


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict:
    root: Path = tmp_path_factory.mktemp("hub_results")
    done = run_on_own_hub("tests.model_card.hub_results_world", root, str(root / "files"))
    return json.loads(done.stdout.splitlines()[-1])


def test_the_hub_reads_the_result_of_a_registered_benchmark(results: dict) -> None:
    (entry,) = results["entries"]
    assert (entry["dataset_id"], entry["task_id"], entry["value"]) == ("titlecraft/arc", "easy", 31.25)
    report = f"blob/{results['before']}/evaluation/0123456789ab/report.json"
    assert entry["source_url"] == f"https://huggingface.co/titlecraft/lamps/{report}"
    assert entry["notes"] == "lighteval arc:easy acc, 2-shot, in percent of 200 questions; 25.0 before tuning"
    assert len(entry["date"]) == 10 and len(entry["dataset_revision"]) == 40


def test_it_is_published_once_and_holds(results: dict) -> None:
    assert results["before"] != results["after"] == results["again"]
    assert results["wrong"] == [] and results["lines"] == 9


def test_a_benchmark_of_no_eval_yaml_stays_in_the_model_index(results: dict) -> None:
    assert "x acc (0–1)" in results["card"] and "arc:easy acc, 2-shot (0–1)" not in results["card"]
    assert "model-index" in results["words"][1] and ARC in results["words"][0]


@pytest.mark.parametrize(
    ("changed", "claim"),
    [
        ("value", f"files: {ARC}: value: 91.25"),
        ("notes", f"files: {ARC}: notes"),
        ("source", f"files: {ARC}: source_url"),
        ("not a result", "can be derived"),
        ("another file", "files that would be loaded or shown beside ours: .eval_results/mmlu.yaml"),
    ],
)
def test_a_changed_result_does_not_hold(results: dict, changed: str, claim: str) -> None:
    assert any(claim in line for line in results[changed]), results[changed]
