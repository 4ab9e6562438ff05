"""eval.yaml of a published dataset: run by the real Inspect AI against the embedded Hub; a person's own survives a rebuild."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from huggingface_hub import HfApi

from dataset_builder.card.hub_tasks import MARK, faults_of_tasks, render_hub_tasks
from local_hub.server import RunningHub, start, stop
from model_card.verification.level_card.dataset import check_hub_tasks
from model_card.verification.lines.checks import Checks
from model_card.verification.repo_state import RepoState
from tests import ROOT, present
from tests.model_card.literal_records import DATASET, dataset_record
from tests.warm import PYTHON
from titlecraft.prompt import PromptFormat

REPO = "titlecraft/as-benchmark"
MINE = b"name: Mine\ndescription: Mine\nevaluation_framework: inspect-ai\ntasks:\n- {id: a, field_spec: {input: title, target: output}, solvers: [{name: generate}], scorers: [{name: exact}]}\n"


@dataclass
class World:
    """An embedded Hub with a dataset that was built by the command."""

    hub: RunningHub
    root: Path

    def run(self, *command: str) -> str:
        environment = os.environ | self.hub.environment(self.root / "home")
        process = subprocess.run(
            [PYTHON, *command], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout

    def build(self, *options: str) -> str:
        source = str(self.root / "rows.json")
        return self.run("-m", "titlecraft.command_line.main", "build", source, "--repo", REPO, "--workers=1", *options)

    @property
    def api(self) -> HfApi:
        return HfApi(endpoint=self.hub.url, token=self.hub.token)

    def published(self, name: str = "eval.yaml") -> bytes:
        cache = self.root / "cache"
        return Path(self.api.hf_hub_download(REPO, name, repo_type="dataset", cache_dir=cache)).read_bytes()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("as-benchmark")
    world = World(start(root / "hub"), root)
    rows = [
        {"uid": f"B{n:09d}", "title": f"Lamp {n}", "content": f"Lamp number {n} {'ab' * (n % 7)} lights rooms."}
        for n in range(300)
    ]
    (root / "rows.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    world.build()
    yield world
    stop(root / "hub")


def test_inspect_runs_it_with_the_prompt_of_the_trainings(world: World) -> None:
    logs = world.root / "logs"
    options = [
        "--model",
        "mockllm/model",
        "--limit",
        "2",
        "--log-dir",
        str(logs),
        "--log-format",
        "json",
        "--display",
        "none",
    ]
    world.run("-m", "inspect_ai", "eval", f"hf/{REPO}", *options)
    (file,) = logs.glob("*.json")
    log = json.loads(file.read_text())
    sample = log["samples"][0]
    assert log["status"] == "success" and log["results"]["scores"][0]["name"] == "f1"
    prompt = PromptFormat.from_json(world.published("prompt.json"), "prompt.json")
    assert sample["messages"][0]["content"] == prompt.render(sample["metadata"]["instruction"], sample["input"])
    assert sample["target"].startswith("Lamp number")


def test_a_persons_own_survives_a_rebuild(world: World) -> None:
    ours = world.published()
    assert ours.startswith(MARK) and b"SHA256SUMS" not in ours and b"eval.yaml" not in world.published("SHA256SUMS")
    world.api.upload_file(path_or_fileobj=MINE, path_in_repo="eval.yaml", repo_id=REPO, repo_type="dataset")
    assert "nothing to do" in world.build()
    world.build("--fresh")
    assert world.published() == MINE
    world.api.upload_file(path_or_fileobj=MARK, path_in_repo="eval.yaml", repo_id=REPO, repo_type="dataset")
    world.run("-m", "titlecraft.command_line.main", "card", f"datasets/{REPO}")
    assert world.published() == ours


def verdicts(folder: Path, raw: bytes) -> list[str | None]:
    """The verdicts of `verify` about this eval.yaml beside the literal record."""
    (folder / "dataset_record.json").write_bytes(dataset_record().to_json())
    (folder / "eval.yaml").write_bytes(raw)
    return [
        line.verdict for line in check_hub_tasks(Checks("card", "dataset record"), RepoState.of_folder(DATASET, folder))
    ]


def rendered() -> bytes:
    return present(render_hub_tasks(dataset_record()))


def changed(change: Callable[[dict], object]) -> bytes:
    content = yaml.safe_load(rendered())
    change(content)
    return yaml.safe_dump(content).encode()


def test_verify_compares_ours_with_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert verdicts(tmp_path, rendered()) == ["holds", "holds"]
    assert verdicts(tmp_path, rendered() + b"# more") == [
        "holds",
        "could not be looked at",
    ]  # the literal code is not this one
    monkeypatch.setattr("model_card.verification.level_card.dataset.sources_sha256", lambda stage: "5" * 64)
    assert verdicts(tmp_path, rendered() + b"# more") == ["holds", "does not hold"]
    assert verdicts(tmp_path, MINE) == ["holds", "not looked at"]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"- [", "it is no YAML"),
        (b"- 1", "it is no mapping"),
        (changed(lambda content: content.pop("name")), "without name"),
        (changed(lambda content: content.update(tasks=[1])), "tasks is no list of mappings"),
        (changed(lambda content: content["tasks"][0].pop("scorers")), "task title_to_description: without scorers"),
        (changed(lambda content: content["tasks"][0].update(split="dev")), "task title_to_description: no split dev"),
        (changed(lambda content: content["tasks"][0]["field_spec"].update(target="x")), "task title_to_description: target is no column: x"),
        (changed(lambda content: content["tasks"][0].update(field_spec=7)), "task title_to_description: input is no column: None"),
    ],
)  # fmt: skip
def test_a_file_that_no_reader_can_run(raw: bytes, fault: str, tmp_path: Path) -> None:
    assert faults_of_tasks(raw, dataset_record())[0] == fault
    assert verdicts(tmp_path, raw)[0] == "does not hold"


def test_a_dataset_without_test_rows_is_no_benchmark() -> None:
    record = dataset_record()
    record.splits.pop("test")
    assert render_hub_tasks(record) is None
