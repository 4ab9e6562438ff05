"""Failures while a command runs: a Hub or a disk that fails, and two runs at a time. Published repos stay whole."""

import os
import re
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from local_hub.server import start, status, stop
from tests.main_job.conftest import DATASET, World, plain_environment
from tests.main_job.test_bad_input import build
from tests.warm import PYTHON

pytestmark = pytest.mark.slow

# The client tries again as often as it does for users, without its 23 s of waiting in between.
IMPATIENT = """
import os, sys
os.environ["HF_HUB_DISABLE_XET"] = "1"
from huggingface_hub import constants
from huggingface_hub.utils import _http
from titlecraft.command_line.main import main
constants.HF_HUB_DISABLE_XET = True
for call in (_http.http_backoff, _http._http_backoff_base):
    call.__kwdefaults__ |= {"base_wait_time": 0.02, "max_wait_time": 0.1}
"""


def head(world: World, repo: str = DATASET) -> str:
    code = f"from huggingface_hub import HfApi; print(HfApi().dataset_info('{repo}').sha)"
    return world.python(code).stdout.strip()


def test_the_hub_is_killed_during_an_upload(tmp_path: Path, world: World) -> None:
    """The Hub is killed while shards are uploaded; after its restart the same command finishes, and the repo is complete."""
    hub = start(tmp_path / "hub")
    environment = plain_environment(hub, tmp_path / "hf_home")
    arguments = build(world.folder / "trn.json.gz")
    process = subprocess.Popen(
        [PYTHON, "-c", IMPATIENT + f"sys.exit(main({arguments!r}))"],
        env=environment,
        cwd=world.folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    objects = tmp_path / "hub" / "repos"

    def kill_at_first_upload() -> None:
        while process.poll() is None and not any("lfs" in path.parts and path.is_file() for path in objects.rglob("*")):
            time.sleep(0.002)
        os.kill(hub.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_at_first_upload)
    killer.start()
    _, stderr = process.communicate(timeout=200)
    killer.join()
    assert process.returncode == 2 and "Traceback" not in stderr, stderr
    assert re.search(
        r"^error: publishing to dataset titlecraft/spare did not finish: (the Hub at \S+ does not answer|.* still answer\?)",
        stderr,
        re.MULTILINE,
    ), stderr
    second = start(tmp_path / "hub", port=int(hub.url.rsplit(":", 1)[1]))
    command = [PYTHON, "-m", "titlecraft.command_line.main", *arguments]
    done = subprocess.run(command, env=environment, cwd=world.folder, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    assert second.url == hub.url
    stop(tmp_path / "hub")


def test_disk_full_while_publishing(world: World, tmp_path: Path, dataset: str) -> None:
    """HF_HOME is on a disk of 150 kB; the published dataset is unchanged."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        os.geteuid() != 0
        or not shutil.which("mount")
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=150k", "tmpfs", str(disk)]).returncode
    ):
        pytest.skip("no right to mount a small disk here")
    before = head(world)
    try:
        process = world.titlecraft(*build("trn.json.gz", DATASET), "--fresh", HF_HOME=str(disk / "hf_home"))
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
    assert process.returncode == 2 and "Traceback" not in process.stderr, process.stderr
    assert "disk full" in process.stderr.splitlines()[-1]
    assert head(world) == before


def test_a_second_run_at_the_same_time(world: World, dataset: str) -> None:
    """Of two builds of one repo, one publishes and the other names the run that holds the lock."""
    command = [PYTHON, "-m", "titlecraft.command_line.main", *build("trn.json.gz", "titlecraft/twice")]
    both = [
        subprocess.Popen(
            command, env=world.environment, cwd=world.folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ends = [(process.communicate(timeout=200)[1], process.returncode) for process in both]
    assert sorted(status for _, status in ends) in ([0, 2], [0, 0]), ends
    for stderr, code in ends:
        assert code == 0 or "another run is publishing to dataset titlecraft/twice" in stderr, stderr


def test_a_head_that_moved_is_refused(world: World, dataset: str) -> None:
    """Across machines the parent commit decides: a commit on an outdated head is refused in one line."""
    process = world.python("""
import titlecraft.hub.publishing as publishing
from huggingface_hub import HfApi
from pathlib import Path
from titlecraft.command_line.main import main
real = publishing.HfApi.list_repo_files
def meanwhile(self, *args, **kwargs):
    files = real(self, *args, **kwargs)
    HfApi().upload_file(path_or_fileobj=b"x", path_in_repo="other.txt", repo_id="titlecraft/raced", repo_type="dataset")
    return files
publishing.HfApi.list_repo_files = meanwhile
raise SystemExit(main(["build", "trn.json.gz", "--repo", "titlecraft/raced", "--recipe", "recipe.yaml"]))
""")
    assert process.returncode == 2 and "Traceback" not in process.stderr, process.stderr
    assert "somebody else published to dataset titlecraft/raced in the meantime" in process.stderr.splitlines()[-1]


def test_a_deleted_repo_is_published_again(world: World, dataset: str) -> None:
    command = build("trn.json.gz", "titlecraft/again")
    assert "nothing to do" not in world.titlecraft(*command).stdout
    assert "nothing to do" in world.titlecraft(*command).stdout
    code = "from huggingface_hub import HfApi; HfApi().delete_folder('data', 'titlecraft/again', repo_type='dataset')"
    assert world.python(code).returncode == 0
    process = world.titlecraft(*command)
    assert process.returncode == 0 and "nothing to do" not in process.stdout, process.stderr


def test_the_hub_is_undamaged_at_the_end(world: World, dataset: str) -> None:
    """After all tests above, the server answers and git fsck finds no fault in any repo."""
    assert status(world.folder / "hub")
    repos = [path.parent for path in (world.folder / "hub" / "repos").rglob("HEAD")]
    assert repos
    for repo in repos:
        checked = subprocess.run(
            ["git", "--git-dir", str(repo), "fsck", "--full", "--strict"], capture_output=True, text=True
        )
        assert checked.returncode == 0, checked.stdout + checked.stderr
