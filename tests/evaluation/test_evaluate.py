"""The whole stage in fresh processes with an embedded Hub and no network; one evaluation is killed twice and continues."""

import json
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation.measures import sampled_measures
from evaluation.report.predictions import read_predictions
from tests import present
from tests.evaluation.served_world import ADAPTER, BASE, World, outcome, served_world
from titlecraft.records import EvaluationRecord, read_record

pytestmark = pytest.mark.slow

PLOTS = ("forest.png", "by_title.png", "scores.png", "lengths.png")


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    with served_world(tmp_path_factory.mktemp("world")) as result:
        yield result


@pytest.fixture(scope="module")
def killed(world: World) -> list[Counter[str]]:
    """Kill an evaluation with SIGKILL during generation and again during scoring; the stored batches after each kill."""
    left = []
    for last in ("generate:4", "nll:24"):
        process = world.start("home-1", "counted", world.pins[ADAPTER], last)
        _, err = process.communicate(timeout=240)
        assert process.returncode == -signal.SIGKILL, err
        left.append(Counter(file.name.split("-")[0] for file in stored_batches(world)))
    return left


def stored_batches(world: World) -> list[Path]:
    """Files of finished batches in the work folder of publishing runs."""
    work = world.root / "home-1" / "titlecraft" / "work" / "evaluation"
    return [file for file in work.glob("*/*/batches/*") if file.is_file()]


@pytest.fixture(scope="module")
def twice(world: World, killed) -> tuple[dict, Path]:
    """The same evaluation in two processes with different caches and hash seeds.

    One continues where it was killed and publishes; the other was never interrupted and does not publish.
    """
    folder = world.root / "measured"
    measured = world.start("home-2", "measure", world.pins[ADAPTER], str(folder), hash_seed="4711")
    evaluated = outcome(world.start("home-1", "counted", world.pins[ADAPTER]))
    measured_world = outcome(measured)
    # lighteval's faults, see harness.py
    assert (measured_world["built_in_tasks"], measured_world["gradients"]) == (
        ["lighteval.tasks.tasks.arc"],
        True,
    )
    return evaluated, folder


def test_the_report_is_published_to_the_adapters_repo(world: World, twice) -> None:
    evaluated, _ = twice
    folder, head = f"evaluation/{evaluated['id']}", evaluated["pin"]
    record = read_record(world.read(f"{folder}/report.json", head), EvaluationRecord, "report.json")
    assert head != world.pins[ADAPTER].split("@")[1] == record.adapter.revision
    assert (record.n, record.titles_available) == (24, 68)
    assert record.excluded == {"output_in_train": 1, "title_in_train": 1}
    assert all(check.holds for check in record.guards) and len(record.guards) >= 5
    assert (record.quantization, record.precision) == ("nf4", "float32")
    assert [measure.n for measure in record.measures] == [24] * 19
    assert record.primary().p_value is not None
    encoder = world.encoder
    assert (record.evaluation.retriever, record.evaluation.bertscore) == (encoder, encoder)
    assert {one.name for one in record.measures if encoder in one.source} == {
        "specificity_embedding",
        "bertscore_recall",
    }
    assert encoder.partition("@")[2][:12].encode() in world.read(f"{folder}/report.html", head)
    for name in ("report.html", "timings.json", *PLOTS):
        assert world.read(f"{folder}/{name}", head)
    assert world.read("README.md", head).endswith(f"# {ADAPTER}\n".encode())
    assert world.read("adapter_model.safetensors", head) == world.read(
        "adapter_model.safetensors", record.adapter.revision
    )


def test_the_same_inputs_give_the_same_bytes(world: World, twice) -> None:
    evaluated, folder = twice
    names = {file.name for file in folder.iterdir()} - {"timings.json"}
    assert names == {"report.json", "report.html", "predictions.parquet", *PLOTS}
    for name in names:
        published = world.read(f"evaluation/{evaluated['id']}/{name}", evaluated["pin"])
        assert published == (folder / name).read_bytes(), name


def test_finished_batches_are_not_computed_again(world: World, killed, twice) -> None:
    """In batches of 8: 6 for 24 titles in two arms, 3 with sources, 12 for two sampled answers, 36 for 2 × 72 choices."""
    first, second = killed
    assert first == {"generating": 3}
    assert second == {"generating": 9, "sampling": 12, "scoring": 9, "scoring_elsewhere": 9, "choosing": 5}
    evaluated, stderr = twice[0], twice[0]["said"]
    assert evaluated["calls"] == {"nll": 36 - 5}
    timings = json.loads(world.read(f"evaluation/{evaluated['id']}/timings.json", evaluated["pin"]))
    assert timings["batches_found"] == second
    answers = {name: part["answers"] for name, part in timings["parts"].items() if name in ("generating", "scoring")}
    assert answers == {"generating": 72, "scoring": 72}  # 24 titles in two arms, and with sources
    assert f"continuing an interrupted run with {second.total()} finished batches; --fresh" in stderr
    assert "generating 9 found and 0 computed" in stderr and "choosing 5 found and 31 computed" in stderr
    assert stored_batches(world) == []


def test_the_record_agrees_with_the_predictions(twice) -> None:
    _, folder = twice
    record = read_record((folder / "report.json").read_bytes(), EvaluationRecord, "report.json")
    rows = read_predictions(folder / "predictions.parquet")
    for measure in record.measures:
        if measure.name in ("bleu", "chrf_pp"):
            continue  # of all titles as one text, below
        differences = [row[f"{measure.name}_after"] - row[f"{measure.name}_before"] for row in rows]
        assert sum(differences) / len(rows) == pytest.approx(measure.difference, abs=1e-12)
        assert sum(row[f"{measure.name}_before"] for row in rows) / len(rows) == pytest.approx(measure.before)
    assert any(row["before"] != row["after"] for row in rows)
    from sacrebleu import corpus_bleu, corpus_chrf

    references = [[row["reference"] for row in rows]]
    measures = {measure.name: measure for measure in record.measures}
    for arm in ("before", "after"):
        texts = [row[arm] for row in rows]
        assert getattr(measures["bleu"], arm) == pytest.approx(corpus_bleu(texts, references).score)
        assert getattr(measures["chrf_pp"], arm) == pytest.approx(corpus_chrf(texts, references, word_order=2).score)
    assert any(row["contextualisation_before"] != row["contextualisation_after"] for row in rows)
    assert [measure.name for measure in record.sampled] == [entry.name for entry in sampled_measures(record.evaluation)]
    for measure in record.sampled:
        before = [row[f"{measure.name}_before_sampled"] for row in rows]
        assert sum(before) / len(rows) == pytest.approx(measure.before)
    assert all(len(row["after_sampled"]) == 2 for row in rows)
    assert any(row["after_sampled"][0] != row["after_sampled"][1] for row in rows)
    assert [(arc.label, arc.n, arc.better, arc.group) for arc in record.also] == [
        ("arc:easy acc", 24, "higher", "forgetting"),
        ("arc:easy acc, 2-shot", 24, "higher", "forgetting"),
    ]
    assert all(0 < arc.before < 1 for arc in record.also)
    assert all(present(arc.wins) + present(arc.ties) + present(arc.losses) == 24 for arc in record.also)
    assert [pin.repo for pin in record.benchmarks] == ["allenai/ai2_arc"]
    assert isinstance(record.benchmark_results, list)
    assert [(result.measure, result.config, result.split, result.task_id) for result in record.benchmark_results] == [
        (arc.name, "ARC-Easy", "test", "easy") for arc in record.also
    ]
    assert record.grounded is not None
    grounded = {measure.name: measure for measure in record.grounded.measures}
    assert list(grounded) == [measure.name for measure in record.measures] and record.grounded.titles == 24
    assert record.grounded.sources == sum(len(row["grounded_sources"]) for row in rows)
    trained = {f"B{number:09d}" for number in range(300)}
    assert all(trained.issuperset(row["grounded_sources"]) for row in rows)
    assert all(row["reference"] not in row["grounded_prompt"] for row in rows)
    for name in ("nll_per_token", "content_word_recall"):
        assert grounded[name].before == measures[name].after
        assert sum(row[f"{name}_grounded"] for row in rows) / 24 == pytest.approx(grounded[name].after)
    assert grounded["nll_per_token"].difference != 0
    assert record.measures[0] == record.primary() == measures["nll_per_token"]
    assert any(row["coherence_before"] in (0, 1) for row in rows) or measures["coherence"].neutral_before == 24


def test_an_existing_report_is_returned(world: World, twice) -> None:
    second = outcome(world.start("home-1", "evaluate", ADAPTER, fresh=True))
    assert (second["pin"], second["id"]) == (twice[0]["pin"], twice[0]["id"])
    assert second["imported"] == [] and second["seconds"] < 5


def test_a_repo_without_an_adapter_is_refused_with_the_missing_file(world: World) -> None:
    process = world.start("home-1", "evaluate", BASE)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "has no training_record.json" in err and "titlecraft train" in err and "Traceback" not in err
