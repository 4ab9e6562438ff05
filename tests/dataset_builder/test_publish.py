"""Publishing a dataset on the embedded Hub: killed at any moment, repeated, and with a changed source."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_hub.server import RunningHub, start, stop
from tests.warm import PYTHON

pytestmark = pytest.mark.slow

REPO = "titlecraft/shards"
WORDS = [
    f"{one}{other}" for one in ("ka", "lo", "mi", "ne", "pu", "ra") for other in ("bel", "dor", "fin", "gas", "hul")
]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    root = tmp_path_factory.mktemp("shards")
    yield start(root / "hub")
    stop(root / "hub")


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6,000 rows of 60 random words."""
    chance, path = random.Random(5), tmp_path_factory.mktemp("catalogue") / "rows.json"
    path.write_text("".join(row(number, chance) for number in range(6000)))
    return path


def row(number: int, chance: random.Random) -> str:
    content = " ".join(chance.choices(WORDS, k=60))
    return json.dumps({"uid": f"B{number:09d}", "title": f"Product {number}", "content": content}) + "\n"


def environment(hub: RunningHub, home: Path) -> dict[str, str]:
    return os.environ | hub.environment(home)


def command(source: Path, *more: str, repo: str = REPO) -> list[str]:
    small = ["--data.rows_per_shard=500", "--workers=2"]
    return [PYTHON, "-m", "titlecraft.command_line.main", "build", str(source), "--repo", repo, *small, *more]


def objects(hub: RunningHub, repo: str) -> dict[str, int]:
    """Large files that the Hub holds for a repo, and when each was written."""
    root = next(
        path for path in Path(hub.root).rglob("*") if path.is_dir() and path.name.startswith(repo.split("/")[1])
    )
    return {path.name: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file() and len(path.name) == 64}


def children(process: int) -> list[int]:
    return [int(pid) for task in Path(f"/proc/{process}/task").glob("*/children") for pid in task.read_text().split()]


def commits(hub: RunningHub, home: Path, repo: str) -> list[str]:
    code = f"from huggingface_hub import HfApi; print(*[c.title for c in HfApi().list_repo_commits('{repo}', repo_type='dataset')], sep='|')"
    process = subprocess.run(
        [PYTHON, "-c", code], env=environment(hub, home), capture_output=True, text=True, check=True
    )
    return process.stdout.strip().split("|")


def test_killed_while_uploading_publishes_nothing_and_uploads_nothing_twice(
    hub: RunningHub, catalogue: Path, tmp_path: Path
) -> None:
    """SIGKILL after the first shard has arrived: the workers end too, no revision shows it, and the next run sends only the rest."""
    own = [sys.executable, *command(catalogue)[1:]]  # a fresh process: its workers are looked for below it
    process = subprocess.Popen(own, env=environment(hub, tmp_path), stderr=subprocess.PIPE, text=True)
    root = Path(hub.root) / "repos"
    workers: list[int] = []
    while process.poll() is None and not any(len(path.name) == 64 for path in root.rglob("*")):
        workers = children(process.pid) or workers
        time.sleep(0.002)
    process.kill()
    stderr = process.communicate()[1]
    assert process.returncode == -signal.SIGKILL, stderr
    assert len(workers) >= 2
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{worker}").exists() for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not [worker for worker in workers if Path(f"/proc/{worker}").exists()]
    arrived = objects(hub, REPO)
    assert arrived
    assert commits(hub, tmp_path, REPO) == ["initial commit"]
    done = subprocess.run(command(catalogue), env=environment(hub, tmp_path), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    after = objects(hub, REPO)
    assert {name: after[name] for name in arrived} == arrived and len(after) > len(arrived)
    assert len(commits(hub, tmp_path, REPO)) == 2
    assert not list((tmp_path / "titlecraft" / "work" / "build").rglob("*.arrow"))  # nothing is left behind


def test_a_source_that_changes_leaves_no_repo_behind(hub: RunningHub, catalogue: Path, tmp_path: Path) -> None:
    """A row is appended when all has been read: refused before anything is sent; run again, the row is in."""
    source, repo = tmp_path / "grows.json", "titlecraft/grows"
    source.write_bytes(b"".join(catalogue.read_bytes().splitlines(keepends=True)[:300]))
    while_it_grows = f"""
import sys
import dataset_builder.write_dataset as writing
from titlecraft.command_line.main import main
read = writing.read_rows
def read_and_grow(files, *others):
    rows = read(files, *others)
    with open(files[0].address, "a") as stream:
        stream.write({row(6000, random.Random(6))!r})
    return rows
writing.read_rows = read_and_grow
sys.exit(main({command(source, repo=repo)[3:]!r}))
"""
    refused = subprocess.run(
        [PYTHON, "-c", while_it_grows], env=environment(hub, tmp_path), capture_output=True, text=True
    )
    assert refused.returncode == 2 and "Traceback" not in refused.stderr, refused.stderr
    message = f"error: {source}: the file changed while it was read; run again when it is complete"
    assert refused.stderr.splitlines()[-1] == message
    exists = f"from huggingface_hub import HfApi; print(HfApi().repo_exists('{repo}', repo_type='dataset'))"
    look = [PYTHON, "-c", exists]
    before = subprocess.run(look, env=environment(hub, tmp_path), capture_output=True, text=True, check=True)
    assert before.stdout.strip() == "False"
    process = subprocess.run(command(source, repo=repo), env=environment(hub, tmp_path), capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert len(commits(hub, tmp_path, repo)) == 2


def test_repeating_a_build_makes_no_commit_and_tags_the_revision(
    hub: RunningHub, catalogue: Path, tmp_path: Path
) -> None:
    repo, source = "titlecraft/again", tmp_path / "rows.json"
    source.write_bytes(b"".join(catalogue.read_bytes().splitlines(keepends=True)[:1500]))  # three shards
    first = subprocess.run(command(source, repo=repo), env=environment(hub, tmp_path), capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    second = subprocess.run(command(source, repo=repo), env=environment(hub, tmp_path), capture_output=True, text=True)
    assert second.returncode == 0 and "nothing to do" in second.stdout
    fresh = subprocess.run(
        command(source, "--fresh", "--workers=1", repo=repo),
        env=environment(hub, tmp_path),
        capture_output=True,
        text=True,
    )
    assert fresh.returncode == 0, fresh.stderr
    assert len(commits(hub, tmp_path, repo)) == 2
    code = f"""
from huggingface_hub import HfApi
from datasets import load_dataset
(tag,) = HfApi().list_repo_refs("{repo}", repo_type="dataset").tags
assert tag.name.startswith("build-") and tag.target_commit == HfApi().dataset_info("{repo}").sha
print(sum(len(split) for split in load_dataset("{repo}", revision=tag.name).values()))
print(len(list(load_dataset("{repo}", split="train", streaming=True).take(700))))
"""
    loaded = subprocess.run([PYTHON, "-c", code], env=environment(hub, tmp_path), capture_output=True, text=True)
    assert loaded.stdout.split() == ["1500", "700"], loaded.stderr
