"""Runs titlecraft commands, with accidents or without, against a Hub of its own (see lost_runs.py)."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from local_hub.server import RunningHub, start, stop
from tests import ROOT, present
from tests.training.checkpoints.lost_runs import BASE, DATASET
from tests.warm import PYTHON
from titlecraft.records import TRAINING_RECORD, TrainingRecord, read_record

OPTIONS = [
    f"--base.repo={BASE}", "--base.quantization=none", "--base.max_length=256", "--lora.r=4", "--lora.dropout=0.1",
    "--training.backend=trl", "--training.packing=true", "--training.fused_kernels=true", "--training.batch_size=2",
    "--training.accumulation=1", "--training.max_steps=10", "--training.warmup_steps=2", "--training.logging_steps=3",
    "--training.optimizer=adamw_torch", "--training.precision=float32", "--training.gradient_checkpointing=false", "--watch=none",
]  # fmt: skip
OUTCOME = ("adapter_model.safetensors", "adapter_config.json", "training_log.jsonl", "assets/training_loss.png")


@dataclass(frozen=True)
class Runner:
    """Runs commands, with an accident or without, against a Hub of its own."""

    process: subprocess.Popen[str]
    hub: RunningHub
    home: Path

    def run(self, *arguments: str, accident: list[Any] | None = None) -> dict[str, Any]:
        present(self.process.stdin).write(json.dumps({"accident": accident, "arguments": arguments}) + "\n")
        present(self.process.stdin).flush()
        return json.loads(present(self.process.stdout).readline())

    def train(self, repo: str, *more: str, accident: list[Any] | None = None) -> dict[str, Any]:
        return self.run(
            "train", "--dataset", DATASET, "--repo", f"titlecraft/{repo}", *OPTIONS, *more, accident=accident
        )

    def sweep(self, repo: str, *more: str, accident: list[Any] | None = None) -> dict[str, Any]:
        asked = ["--dataset", DATASET, "--repo", f"titlecraft/{repo}", "--out", str(self.out(repo))]
        return self.run("sweep", *asked, *OPTIONS[:-1], *more, accident=accident)

    def out(self, repo: str) -> Path:
        """Folder of a sweep."""
        return self.home / "sweeps" / repo

    def card(self, repo: str) -> str:
        return (self.home / "seen" / repo / "README.md").read_text()

    def work(self, repo: str, stage: str = "train") -> Path:
        return self.home / "titlecraft" / "work" / stage / f"titlecraft--{repo}"

    def steps(self, repo: str) -> list[str]:
        """Checkpoints in the work folder."""
        return sorted(place.name for place in self.work(repo).glob("checkpoints/*/*"))

    def api(self) -> HfApi:
        return HfApi(endpoint=self.hub.url, token=self.hub.token)

    def published(self, repo: str) -> tuple[list[bytes], TrainingRecord]:
        """Bytes of what must be the same, and the record, as they are on the Hub."""
        folder = Path(self.api().snapshot_download(f"titlecraft/{repo}", local_dir=self.home / "seen" / repo))
        record = read_record((folder / TRAINING_RECORD).read_bytes(), TrainingRecord, repo)
        return [(folder / name).read_bytes() for name in OUTCOME], record

    def branches(self, repo: str) -> list[str]:
        return [one.name for one in self.api().list_repo_refs(f"titlecraft/{repo}").branches]


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runner]:
    root = tmp_path_factory.mktemp("lost")
    hub = start(root / "hub")
    process = subprocess.Popen(
        [PYTHON, "-m", "tests.training.checkpoints.lost_runs", str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=ROOT, env=os.environ | hub.environment(root / "home") | {"HF_HUB_DISABLE_XET": "1"},
    )  # fmt: skip
    yield Runner(process, hub, root / "home")
    present(process.stdin).close()
    process.wait(60)
    stop(root / "hub")
