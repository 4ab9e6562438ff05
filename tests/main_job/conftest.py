"""Fixtures: the main job, run once for this folder by a user's commands on an embedded Hub."""

import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from local_hub.server import RunningHub, start, stop
from tests import ROOT
from tests.warm import PYTHON
from titlecraft.command_line.demo.catalogue import write_catalogue

BASE, DATASET, ADAPTER = "titlecraft/base", "titlecraft/descriptions", "titlecraft/adapter"
RECIPE = """
data: {test_share: 0.1, validation_share: 0.05}
base: {repo: titlecraft/base, quantization: nf4, max_length: 256}
lora: {r: 4, alpha: 8, dropout: 0.0, target_modules: [q_proj, v_proj]}
training: {backend: trl, batch_size: 4, accumulation: 1, max_steps: 6, warmup_steps: 1, optimizer: adamw_torch, precision: float32, gradient_checkpointing: false}
generation: {max_new_tokens: 16}
evaluation: {titles: 40, batch_size: 20, resamples: 700}
"""

MAIN = "titlecraft.command_line.main"
PUBLISH = """
from pathlib import Path
from tests.evaluation.published_world import upload
from tests.tiny_chat import save_instruct_base
from tests.tiny_world import save_base
folder = Path({folder!r})
{save}
upload(folder, {repo!r}, "model")
"""


@dataclass(frozen=True)
class World:
    """An embedded Hub and a work folder; the methods run commands with them."""

    hub: RunningHub
    folder: Path
    environment: dict[str, str]
    seconds: int = 280  # of one command

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command in a fresh process; only its environment names the Hub."""
        return subprocess.run(
            command,
            env=self.environment | environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=self.seconds,
        )

    def titlecraft(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run `titlecraft …`."""
        return self.run(PYTHON, "-m", MAIN, *arguments, **environment)

    def python(self, code: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a Python script."""
        return self.run(PYTHON, "-c", code, **environment)


def plain_environment(hub: RunningHub, home: Path) -> dict[str, str]:
    """The environment of a user's shell: PATH and similar, and the three variables that name the Hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TITLECRAFT_"))}
    return kept | {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub.token,
        "HF_HOME": str(home),
        "TOKENIZERS_PARALLELISM": "false",
    }


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """An empty Hub, a catalogue and a recipe."""
    folder = tmp_path_factory.mktemp("world")
    hub = start(folder / "hub")
    here = World(hub, folder, plain_environment(hub, folder / "hf_home"))
    write_catalogue(folder / "trn.json.gz", rows=1500, seed=3)
    (folder / "recipe.yaml").write_text(RECIPE)
    yield here
    stop(folder / "hub")


def succeed(world: World, *command: str) -> str:
    """The output of a command, which must succeed."""
    process = world.run(PYTHON, "-m", *command)
    assert process.returncode == 0, f"{command}: {process.stderr[-3000:]}"
    return process.stdout


def train(dataset: str, adapter: str, *options: str) -> list[str]:
    """The arguments of `titlecraft` that train an adapter with the recipe and these options."""
    return ["train", "--dataset", dataset, "--repo", adapter, "--recipe", "recipe.yaml", *options]


def publish_base(world: World, save: str, repo: str) -> None:
    """Publish a tiny base; `save` is an expression that writes its files to the folder `folder`."""
    world.environment.setdefault("PYTHONPATH", str(ROOT))
    done = world.python(PUBLISH.format(save=save, folder=str(world.folder / repo.replace("/", "-")), repo=repo))
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="session")
def dataset(world: World) -> str:
    """The output of `titlecraft build`, the first step of the main job."""
    recipe = ["--recipe", "recipe.yaml"]
    return succeed(world, MAIN, "build", "trn.json.gz", "--repo", DATASET, "--public", *recipe)


@pytest.fixture(scope="session")
def published(world: World, dataset: str) -> dict[str, str]:
    """The output of each step of the main job."""
    recipe = ["--recipe", "recipe.yaml"]
    succeed(world, "titlecraft.command_line.demo.tiny_base", BASE)
    return {
        "build": dataset,
        "train": succeed(world, MAIN, *train(DATASET, ADAPTER, "--public")),
        "evaluate": succeed(world, MAIN, "evaluate", "--adapter", ADAPTER, *recipe),
    }


@pytest.fixture
def refused(world: World) -> Callable[..., str]:
    """Run a command that must fail with a user error; return its line `error: …`."""

    def run(*arguments: str, **environment: str) -> str:
        process = world.titlecraft(*arguments, **environment)
        assert process.returncode != 0, process.stdout
        assert "Traceback" not in process.stderr, process.stderr
        lines = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, process.stderr
        return lines[0]

    return run
