"""The whole stage as users run it: fresh processes, an embedded Hub, nothing else in reach."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluation.measures import SAMPLED_MEASURES
from evaluation.predictions import read_predictions
from tests.evaluation.published_world import write_world
from titlecraft.local_hub.accounts import ensure_accounts
from titlecraft.local_hub.server import RunningHub, start, stop
from titlecraft.records import EvaluationRecord, read_record

ROOT = Path(__file__).parents[2]
BASE, ADAPTER = "titlecraft/tiny-base", "titlecraft/tiny-adapter"
PLOTS = ("forest.png", "by_title.png", "scores.png", "lengths.png")


@dataclass
class World:
    """A Hub with the tiny world on it."""

    hub: RunningHub
    root: Path
    pins: dict[str, str]

    def start(self, home: str, *arguments: str, hash_seed: str = "0") -> subprocess.Popen:
        """Start an evaluation in a process with its own Hub cache."""
        environment = os.environ | self.hub.environment(self.root / home) | {"PYTHONHASHSEED": hash_seed}
        command = [sys.executable, "-m", "tests.evaluation.run_evaluation", *arguments]
        return subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def read(self, path: str, revision: str) -> bytes:
        """A file of the adapter repo, past every cache."""
        request = urllib.request.Request(
            f"{self.hub.url}/{ADAPTER}/resolve/{revision}/{path}", headers={"Authorization": f"Bearer {self.hub.token}"}
        )
        with urllib.request.urlopen(request) as answer:
            return answer.read()


def outcome(process: subprocess.Popen) -> dict:
    """What a started evaluation printed."""
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def hub_with_allenai(root: Path) -> Path:
    """A Hub's root on which everyone may also write to the organisation that owns the benchmark."""
    root.mkdir()
    ensure_accounts(root)
    accounts = json.loads((root / "accounts.json").read_text())
    accounts["orgs"]["allenai"] = {"fullname": "AllenAI"}
    for user in accounts["users"].values():
        user["orgs"] = {"allenai": "admin"}
    (root / "accounts.json").write_text(json.dumps(accounts))
    return root


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("world")
    hub = start(hub_with_allenai(root / "hub"))
    write_world(root / "files")
    published = subprocess.run(
        [sys.executable, "-m", "tests.evaluation.published_world", str(root / "files")], env=os.environ | hub.environment(root / "setup"),
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    yield World(hub, root, json.loads(published.stdout.splitlines()[-1]))
    stop(root / "hub")


@pytest.fixture(scope="module")
def twice(world: World) -> tuple[dict, Path]:
    """The same evaluation in two processes with caches and hash seeds of their own: one publishes, one does not."""
    folder = world.root / "measured"
    measured = world.start("home-2", "measure", world.pins[ADAPTER], str(folder), hash_seed="4711")
    evaluated = outcome(world.start("home-1", "evaluate", world.pins[ADAPTER]))
    again = outcome(measured)
    assert (again["built_in_tasks"], again["gradients"]) == (
        ["lighteval.tasks.tasks.arc"],
        True,
    )  # lighteval's faults, see harness.py
    return evaluated, folder


def test_the_report_is_published_beside_the_adapter(world: World, twice) -> None:
    evaluated, _ = twice
    folder, head = f"evaluation/{evaluated['id']}", evaluated["pin"]
    record = read_record(world.read(f"{folder}/report.json", head), EvaluationRecord, "report.json")
    assert head != world.pins[ADAPTER].split("@")[1] == record.adapter.revision
    assert (record.n, record.titles_available) == (40, 68)
    assert record.excluded == {"output_in_train": 1, "title_in_train": 1}
    assert all(check.holds for check in record.guards) and len(record.guards) >= 5
    assert (record.quantization, record.precision) == ("nf4", "float32")
    assert [measure.n for measure in record.measures] == [40] * 17
    assert record.primary().p_value is not None
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


def test_the_record_says_what_the_predictions_say(twice) -> None:
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
    assert [measure.name for measure in record.sampled] == [entry.name for entry in SAMPLED_MEASURES]
    for measure in record.sampled:
        before = [row[f"{measure.name}_before_sampled"] for row in rows]
        assert sum(before) / len(rows) == pytest.approx(measure.before)
    assert all(len(row["after_sampled"]) == 2 for row in rows)
    assert any(row["after_sampled"][0] != row["after_sampled"][1] for row in rows)
    (arc,) = record.also
    assert (arc.label, arc.n, arc.better, arc.group) == ("arc:easy acc", 60, "higher", "forgetting")
    assert 0 < arc.before < 1 and arc.wins + arc.ties + arc.losses == 60
    assert [pin.repo for pin in record.benchmarks] == ["allenai/ai2_arc"]
    assert record.measures[0] == record.primary() == measures["nll_per_token"]
    assert any(row["coherence_before"] in (0, 1) for row in rows) or measures["coherence"].neutral_before == 40


def test_a_report_that_is_there_comes_back_at_once(world: World, twice) -> None:
    again = outcome(world.start("home-1", "evaluate", ADAPTER))
    assert (again["pin"], again["id"]) == (twice[0]["pin"], twice[0]["id"])
    assert again["imported"] == [] and again["seconds"] < 5


def test_a_repo_that_is_no_adapter_says_what_is_missing(world: World) -> None:
    process = world.start("home-1", "evaluate", BASE)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "has no training_record.json" in err and "titlecraft train" in err and "Traceback" not in err
