"""A Hub with the real base, a dataset and an adapter of five steps, made by the commands of a user."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_hub.server import start, stop
from tests.main_job.conftest import World, plain_environment, succeed
from tests.warm import PYTHON
from titlecraft.command_line.demo import real_base
from titlecraft.command_line.demo.catalogue import catalogue_lines

BASE, DATASET, ADAPTER = "titlecraft/SmolLM2-135M-Instruct", "titlecraft/real-rows", "titlecraft/SmolLM2-135M-test"
TITLECRAFT = "titlecraft.command_line.main"
SMALL = (
    "--base.max_length=96",
    "--training.batch_size=2",
    "--training.max_steps=5",
    "--training.warmup_steps=1",
    "--training.validate_every=5",
    "--training.validation_rows=4",
)
NOT_DOWNLOADED = "cannot be downloaded"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "titlecraft-tests"
FROM_REPO = "from huggingface_hub import snapshot_download as get; get({base!r}, local_dir={folder!r})"
TO_REPO = """
from huggingface_hub import HfApi
HfApi().create_repo({base!r})
HfApi().upload_folder(repo_id={base!r}, folder_path={folder!r})
"""


def kept_base() -> Path:
    """The folder that keeps the converted base between runs: another wheel or another conversion has another name."""
    code = Path(real_base.__file__).read_bytes()
    return CACHE / f"base-{hashlib.sha256(code).hexdigest()[:16]}"


def publish_base(world: World) -> None:
    """Publish the kept base, or else make it by the user's command and keep it; skip where there is no package index."""
    folder = kept_base()
    if folder.exists():
        published = world.python(TO_REPO.format(base=BASE, folder=str(folder)))
        assert published.returncode == 0, published.stderr[-3000:]
        return
    made = world.run(PYTHON, "-m", "titlecraft.command_line.demo.real_base", BASE)
    if made.returncode == 2 and NOT_DOWNLOADED in made.stderr:
        pytest.skip(f"no test ran on the real base: {made.stderr.strip().splitlines()[-1].removeprefix('error: ')}")
    assert made.returncode == 0, made.stderr[-3000:]
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as temporary:
        kept = world.python(FROM_REPO.format(base=BASE, folder=temporary))
        assert kept.returncode == 0, kept.stderr[-3000:]
        shutil.rmtree(Path(temporary, ".cache"))
        if not folder.exists():
            shutil.copytree(temporary, folder)


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A Hub with the base."""
    folder = tmp_path_factory.mktemp("real")
    hub = start(folder / "hub")
    here = World(hub, folder, plain_environment(hub, folder / "home"), seconds=800)
    try:
        publish_base(here)
        yield here
    finally:
        stop(folder / "hub")


def write_short_catalogue(file: Path) -> None:
    """Write a synthetic catalogue with the first sentence of each description: a token of this base takes 5 ms on a core."""
    rows = [json.loads(line) for line in catalogue_lines(700, seed=3)]
    short = [row | {"content": row["content"].partition(". ")[0]} for row in rows if row.get("content")]
    file.write_text("".join(json.dumps(row) + "\n" for row in short))


@pytest.fixture(scope="session")
def trained(world: World) -> str:
    """What five steps of training printed, on a dataset built from a synthetic catalogue."""
    write_short_catalogue(world.folder / "trn.json")
    succeed(world, TITLECRAFT, "build", "trn.json", "--repo", DATASET, "--public", "--recipe", "real")
    named = ["--dataset", DATASET, "--repo", ADAPTER, "--public", "--recipe", "real"]
    return succeed(world, TITLECRAFT, "train", *named, *SMALL)
