"""After a kill at any moment, the Hub has the old or the new commit and works."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from local_hub.git.refs import MAIN
from local_hub.repos.operations import AddFile
from local_hub.repos.store import Store
from local_hub.server import start, stop
from tests import ROOT

# commits once and kills itself before (or after) the n-th rename; prints "survived" if there are fewer renames

pytestmark = pytest.mark.slow

_WRITER = """
import os, signal, sys
from pathlib import Path
root, files, die_at, moment = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
from local_hub.repos.store import Store
from local_hub.repos.operations import AddFile

repo = Store(root).open("model", "ada/net")
original, count = Path.replace, 0
def replace(self, target):
    global count
    count += 1
    if count == die_at and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    original(self, target)
    if count == die_at:
        os.kill(os.getpid(), signal.SIGKILL)
Path.replace = replace
repo.commit("refs/heads/main", [AddFile(f"{i}.txt", b"new") for i in range(files)], author="ada", summary="new")
print("survived")
"""


@pytest.mark.parametrize("files", [1, 40], ids=["loose objects", "one pack"])
def test_killed_at_every_rename(tmp_path: Path, files: int, fsck: Callable):
    repo = Store(tmp_path).create("model", "ada/net", author="ada")
    before = repo.commit(MAIN, [AddFile("old.txt", b"old")], author="ada", summary="old")
    outcomes = []
    for die_at in range(1, 20):
        moment = "before" if die_at % 2 else "after"
        command = [sys.executable, "-c", _WRITER, str(tmp_path), str(files), str(die_at), moment]
        process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert process.returncode in (0, -signal.SIGKILL), process.stderr
        repo = Store(tmp_path).open("model", "ada/net")  # as the next server does
        outcomes.append(repo.head() == before)
        assert repo.read(repo.head(), "old.txt") == b"old"
        assert len(repo.files(repo.head())) == (2 if repo.head() == before else 2 + files)
        assert not any((tmp_path / "tmp").iterdir())
        fsck(repo.folder)
        if "survived" in process.stdout:
            break
        repo.refs.set(MAIN, before)
    else:
        pytest.fail("the writer never came to its end")
    assert outcomes[0] and not outcomes[-1]
    second = repo.commit(MAIN, [AddFile("again.txt", b"works")], author="ada", summary="again")
    assert repo.read(second, "again.txt") == b"works"


# uploads one file after the other and prints each path once the Hub has acknowledged it
_UPLOADER = """
import os, sys
from huggingface_hub import HfApi
url, token, repo_id, folder = sys.argv[1:]
api = HfApi(endpoint=url, token=token)
for i in range(10_000):
    api.upload_file(repo_id=repo_id, path_in_repo=f"{folder}/{i}.bin", path_or_fileobj=os.urandom(200_000))
    print(f"{folder}/{i}.bin", flush=True)
"""


def test_a_server_killed_again_and_again_under_load(tmp_path: Path, fsck: Callable, user_environment: dict[str, str]):
    root, chance, acknowledged = tmp_path / "root", random.Random(0), set()
    for round_number in range(3):
        hub = start(root)
        repo_id = HfApi(endpoint=hub.url, token=hub.token).create_repo("net", exist_ok=True).repo_id
        uploaders = [
            subprocess.Popen(
                [sys.executable, "-c", _UPLOADER, hub.url, hub.token, repo_id, f"{round_number}-{worker}"],
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env=user_environment | {"HF_HUB_DISABLE_XET": "1"},
            )
            for worker in range(2)
        ]
        outputs = [uploader.stdout for uploader in uploaders if uploader.stdout is not None]
        acknowledged.update(output.readline().strip() for output in outputs)
        time.sleep(chance.random() * 0.4)
        os.kill(hub.pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):  # subprocess may have reaped it already
            os.waitpid(hub.pid, 0)
        for uploader in uploaders:
            uploader.kill()
            acknowledged.update(uploader.communicate()[0].split())
        repo = Store(root).open("model", repo_id)
        entries = repo.files(repo.head())
        assert acknowledged <= {entry.path for entry in entries}
        for entry in entries:
            assert entry.lfs is None or repo.lfs_file(entry).stat().st_size == 200_000
        fsck(repo.folder)
    assert len(acknowledged) >= 6
    assert start(root).url  # a killed process does not hold the lock
    assert stop(root)


def test_a_rename_killed_midway_leaves_the_repo_where_it_was(tmp_path: Path):
    store = Store(tmp_path)
    repo = store.create("model", "ada/net", author="ada")
    # the redirect is written first; a crash before the rename leaves both, and the repo that exists wins
    (tmp_path / "moved.json").write_text('{"model/ada/net": "ada/new"}')
    assert Store(tmp_path).open("model", "ada/net").head() == repo.head()
