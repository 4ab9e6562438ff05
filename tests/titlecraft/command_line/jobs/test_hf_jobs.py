"""Verbs on Hugging Face Jobs: the submitted job, and its run, which trains and publishes.

The embedded Hub has no machines. A thread stands in for one: it takes the job from the Hub's folder and runs its command,
without the installation, in a process that gets only what the job contains.
"""

import hashlib
import json
import os
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from huggingface_hub import HfApi

from local_hub.server import RunningHub, start, stop
from tests import ROOT
from tests.evaluation.published_world import BASE, DATASET, write_world
from tests.warm import PYTHON
from titlecraft.command_line.jobs.follow import exit_status
from titlecraft.command_line.jobs.machines import require_time
from titlecraft.command_line.jobs.source_archive import NAME, source_archive
from titlecraft.command_line.jobs.submit import options_of
from titlecraft.errors import UserError
from titlecraft.records import sources_sha256

pytestmark = pytest.mark.slow

RECIPE = [
    f"--base.repo={BASE}",
    "--base.quantization=none",
    "--base.max_length=256",
    "--lora.r=4",
    "--training.backend=trl",
    "--training.max_steps=2",
    "--training.warmup_steps=0",
    "--training.optimizer=adamw_torch",
    "--training.precision=float32",
    "--training.gradient_checkpointing=false",
]


class Machine(threading.Thread):
    """A machine: takes the first job and runs it."""

    job: dict[str, Any]

    def __init__(self, hub: RunningHub, home: Path, python: str = sys.executable, works: bool = True) -> None:
        super().__init__(daemon=True)
        self.hub, self.home, self.python, self.works = hub, home, python, works
        self.done = {*hub.root.glob("jobs/*/*.json")}

    def run(self) -> None:
        while not (files := {*self.hub.root.glob("jobs/*/*.json")} - self.done):
            time.sleep(0.1)
        [file] = files
        self.job = json.loads(file.read_bytes())
        say = lambda stage, message=None: write(file, self.job | {"status": {"stage": stage, "message": message}})  # noqa: E731
        if not self.works:
            file.with_suffix(".log").write_text("")
            return say("COMPLETED")
        say("RUNNING")
        command = self.job["command"][self.job["command"].index("python") + 1 :]
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        given = {"HF_TOKEN": self.hub.token, "HF_HOME": str(self.home), "PYTHONPATH": str(ROOT)}
        with file.with_suffix(".log").open("w") as log:
            process = subprocess.run(
                [self.python, *command],
                env=kept | self.job["environment"] | given,
                cwd=self.home,
                stdout=log,
                stderr=subprocess.STDOUT,
                timeout=200,
            )
            log.write(f"the token was {self.hub.token}\n")
        say("COMPLETED") if process.returncode == 0 else say(
            "ERROR", f"Job failed with exit code: {process.returncode}"
        )


def write(file: Path, job: dict[str, Any]) -> None:
    file.with_suffix(".new").write_text(json.dumps(job))
    file.with_suffix(".new").rename(file)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A Hub with base and dataset."""
    folder = tmp_path_factory.mktemp("jobs")
    here = start(folder / "hub")
    environment = os.environ | here.environment(folder / "home")
    write_world(folder / "world")
    code = f"""
from pathlib import Path
from tests.evaluation.published_world import upload
upload(Path({str(folder / "world" / "base")!r}), {BASE!r}, "model")
upload(Path({str(folder / "world" / "dataset")!r}), {DATASET!r}, "dataset")
"""
    subprocess.run([PYTHON, "-c", code], env=environment, cwd=ROOT, check=True, capture_output=True)
    yield here
    stop(folder / "hub")


def jobs(hub: RunningHub) -> set[Path]:
    """The files of all jobs that were sent so far."""
    return {*hub.root.glob("jobs/*/*")}


def titlecraft(hub: RunningHub, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            PYTHON,
            "-m",
            "titlecraft.command_line.main",
            "train",
            "--dataset",
            DATASET,
            "--on",
            "hf-jobs",
            *arguments,
            *RECIPE,
        ],
        env=os.environ | hub.environment(home),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=250,
    )


def test_the_job_has_the_given_options_and_publishes(hub: RunningHub, tmp_path: Path) -> None:
    api, before = HfApi(endpoint=hub.url, token=hub.token), jobs(hub)
    refused = [
        titlecraft(hub, tmp_path / "home", "--repo", "titlecraft/a", "--flavor", "a9000"),
        titlecraft(hub, tmp_path / "home", "--repo", "titlecraft/a"),
        titlecraft(hub, tmp_path / "home", "--repo", "somebody/a", "--flavor", "t4-small"),
        titlecraft(
            hub, tmp_path / "home", "--repo", "titlecraft/a", "--flavor", "t4-small", "--training.shard_base=true"
        ),
    ]
    has = "cpu-basic, t4-small, a10g-large, a10g-largex2, a100-large"
    assert [process.stderr for process in refused][:2] == [
        f"error: --flavor a9000: {hub.url} has no such machine; it has {has}\n",
        f"error: --on hf-jobs needs --flavor: {hub.url} has {has}\n",
    ]
    assert refused[2].stderr.startswith("error: no write right on somebody/a: ") and refused[2].stderr.count("\n") == 1
    assert refused[3].stderr.startswith("error: --flavor t4-small, 1 × T4 (16 GB)")
    assert "training.shard_base shares the base out between processes" in refused[3].stderr
    assert {process.returncode for process in refused} == {2} and jobs(hub) == before

    machine = Machine(hub, tmp_path / "home of the job", PYTHON)
    machine.home.mkdir()
    machine.start()
    process = titlecraft(
        hub, tmp_path / "home", "--repo", "titlecraft/a", "--flavor", "t4-small", "--timeout", "90m", "--public"
    )
    assert process.returncode == 0, process.stdout + process.stderr
    assert "adapter titlecraft/a@" in process.stdout and "the token was <HF_TOKEN>" in process.stdout
    assert hub.token not in process.stdout + process.stderr

    job = machine.job
    commit = api.repo_info("titlecraft/titlecraft-jobs").sha
    files = {
        name: Path(api.hf_hub_download("titlecraft/titlecraft-jobs", name, revision=commit)).read_bytes()
        for name in ("recipe.yaml", f"{NAME}.tar.gz")
    }
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    head = api.repo_info(DATASET, repo_type="dataset").sha
    assert job["command"] == [
        "uv",
        "run",
        "--with",
        f"titlecraft[gpu] @ {hub.url}/titlecraft/titlecraft-jobs/resolve/{commit}/{NAME}.tar.gz#sha256={sums[f'{NAME}.tar.gz']}",
        "python",
        "-m",
        "titlecraft.command_line.jobs",
        "train",
        "training",
        "titlecraft/titlecraft-jobs",
        commit,
        sums["recipe.yaml"],
        sources_sha256("training"),
        f"--dataset={DATASET}@{head}",
        "--repo=titlecraft/a",
        "--watch=none",
        "--public",
    ]
    assert job["environment"] == {"PYTHONUNBUFFERED": "1", "HF_ENDPOINT": hub.url}
    assert (job["flavor"], job["timeoutSeconds"]) == ("t4-small", 5400)
    assert job["labels"] == {"name": "titlecraft-titlecraft-a"}
    assert job["secrets"] == {"HF_TOKEN": ""}
    everything = "".join(file.read_text() for file in hub.root.glob("jobs/*/*.json"))
    assert (
        hub.token not in everything + files["recipe.yaml"].decode()
        and api.repo_info("titlecraft/titlecraft-jobs").private
    )
    recipe = yaml.safe_load(files["recipe.yaml"])
    assert recipe["base"]["revision"] == api.repo_info(BASE).sha and recipe["training"]["max_steps"] == 2
    with tarfile.open(fileobj=BytesIO(files[f"{NAME}.tar.gz"])) as archive:
        assert {
            f"{NAME}/pyproject.toml",
            f"{NAME}/titlecraft/command_line/jobs/submit.py",
            f"{NAME}/recipes/seed.yaml",
        } <= set(archive.getnames())

    record = json.loads(Path(api.hf_hub_download("titlecraft/a", "training_record.json")).read_bytes())
    assert (record["steps"], record["dataset"]["revision"], record["lora"]["r"]) == (2, head, 4)
    assert record["code"]["sources"] == sources_sha256("training")


def run_verb(hub: RunningHub, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [PYTHON, "-m", "titlecraft.command_line.main", *arguments, "--on", "hf-jobs", "--flavor", "a10g-largex2"]
    environment = os.environ | hub.environment(home)
    return subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=250)


def test_build_evaluate_and_sweep_send_their_requests_too(hub: RunningHub, tmp_path: Path) -> None:
    api, home = HfApi(endpoint=hub.url, token=hub.token), tmp_path / "home"
    dataset, base = api.repo_info(DATASET, repo_type="dataset").sha, api.repo_info(BASE).sha
    api.create_repo("titlecraft/adapter")
    adapter = api.repo_info("titlecraft/adapter").sha
    swept = ["--dataset", DATASET, "--repo", "titlecraft/s", *RECIPE, "--sweep", "training.learning_rate=1e-4,2e-4"]
    requests = {
        "build": (["build", f"datasets/{DATASET}", "--repo", "titlecraft/built", "--data.title_column=title", "--license", "cc0-1.0"],
                  "dataset_builder", "", [f"datasets/{DATASET}@{dataset}", "--repo=titlecraft/built", "--license=cc0-1.0"]),
        "evaluate": (["evaluate", "--adapter", "titlecraft/adapter", "--evaluation.titles=30", "--also", "lighteval|arc:easy|0"],
                     "evaluation", "[gpu]", [f"--adapter=titlecraft/adapter@{adapter}"]),
        "sweep": (["sweep", *swept, "--fresh"], "sweep", "[gpu]",
                  [f"--dataset={DATASET}@{dataset}", "--repo=titlecraft/s", "--sweep=training.learning_rate=0.0001, 0.0002", "--fresh",
                   "--out=results"]),
    }  # fmt: skip
    sent = {}
    for verb, (arguments, stage, extras, options) in requests.items():
        machine = Machine(hub, home, works=False)
        machine.start()
        process = run_verb(hub, home, *arguments)
        assert (process.returncode == 0) == (verb != "sweep"), (
            process.stdout + process.stderr
        )  # a sweep misses its results
        command = machine.job["command"]
        start = command.index("titlecraft.command_line.jobs")
        assert command[3].startswith(f"titlecraft{extras} @ {hub.url}/titlecraft/titlecraft-jobs/resolve/")
        assert command[start - 2 : start] == ["python", "-m"], "one process, whatever the GPUs"
        assert command[start + 1 : start + 3] == [verb, stage] and command[start + 6] == sources_sha256(stage)
        assert [option for option in options if option in command] == options, command
        revision = command[start + 4]
        sent[verb] = yaml.safe_load(
            Path(api.hf_hub_download("titlecraft/titlecraft-jobs", "recipe.yaml", revision=revision)).read_bytes()
        )
    assert list(sent["build"]) == ["data", "prompt"] and sent["build"]["data"]["title_column"] == "title"
    assert sent["evaluate"]["evaluation"]["titles"] == 30
    assert sent["evaluate"]["evaluation"]["benchmarks"] == ["lighteval|arc:easy|0"]
    assert sent["sweep"]["base"]["revision"] == base


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["build", "catalogue.jsonl", "--repo", "titlecraft/d"], "the machine cannot read catalogue.jsonl: expected a dataset"),
        (["build", "datasets/a/b", "--preview", "3"], "leave out --on hf-jobs"),
        (["evaluate", "--compare", "a/b", "c/d", "--out", "x"], "leave out --on hf-jobs"),
        (["evaluate", "--adapter", "titlecraft/none"], "titlecraft/none"),
    ],
)  # fmt: skip
def test_requests_that_no_machine_could_run_are_refused(
    hub: RunningHub, tmp_path: Path, arguments: list[str], message: str
) -> None:
    before = jobs(hub)
    process = run_verb(hub, tmp_path / "home", *arguments)
    assert process.returncode == 2 and message in process.stderr and process.stderr.count("\n") == 1
    assert jobs(hub) == before


def test_a_job_that_fails_gives_its_exit_status(hub: RunningHub, tmp_path: Path) -> None:
    few_steps = ["--training.max_steps=1", "--repo", "titlecraft/b", "--flavor", "cpu-basic"]
    machine = Machine(hub, tmp_path / "home of the job", PYTHON)
    machine.home.mkdir()
    machine.start()
    process = titlecraft(hub, tmp_path / "home", *few_steps, "--lora.target_modules=[w9]")
    assert process.returncode == 2
    assert (
        "error: lora.target_modules" in process.stdout
        and "ended as ERROR: Job failed with exit code: 2" in process.stderr
    )


def test_a_job_with_other_source_or_a_malformed_time_is_refused() -> None:
    command = [
        sys.executable,
        "-m",
        "titlecraft.command_line.jobs",
        "train",
        "training",
        "ns/jobs",
        "0" * 40,
        "1" * 64,
        "2" * 64,
    ]
    process = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert process.returncode == 2
    assert (
        process.stderr
        == f"error: the installed source has the sum {sources_sha256('training')}: expected {'2' * 64}, as it was sent\n"
    )
    with pytest.raises(UserError, match="--timeout tomorrow: expected"):
        require_time("tomorrow")
    for good in ("90", "90m", "1.5h", "2d"):
        require_time(good)


def test_the_exit_status_is_read_from_the_jobs_message() -> None:
    assert [
        exit_status(message) for message in ("Job failed with exit code: 137. Reason: OOMKilled", "Job timeout", None)
    ] == [137, 1, 1]


def test_equal_source_gives_an_equal_archive() -> None:
    assert source_archive() == source_archive()


def test_options_are_rebuilt_including_zeros() -> None:
    asked = SimpleNamespace(save_every=0, resume=True, fresh=False, energy=None, repo="ns/adapter")
    assert options_of(asked, {"repo"}) == ["--save-every=0", "--resume"]
