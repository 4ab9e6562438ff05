"""Typical uses of the clients, in processes that set HF_ENDPOINT, HF_TOKEN and HF_HOME only."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from local_hub.server import RunningHub

pytestmark = pytest.mark.slow


def python(code: str, environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-c", code, *arguments]
    process = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_load_dataset_plain_streaming_and_at_a_tag(user_environment: dict[str, str], make_repo: Callable, api: HfApi):
    repo_id = make_repo("dataset")
    python(
        """
import sys
from datasets import Dataset, load_dataset
from huggingface_hub import HfApi
repo_id = sys.argv[1]
Dataset.from_dict({"title": ["a", "b"]}).push_to_hub(repo_id, split="train")
HfApi().create_tag(repo_id, tag="v1", repo_type="dataset")
Dataset.from_dict({"title": ["a", "b", "c"]}).push_to_hub(repo_id, split="train")
sha = HfApi().dataset_info(repo_id, revision="v1").sha
assert len(load_dataset(repo_id, split="train")) == 3
assert len(load_dataset(repo_id, split="train", revision="v1")) == 2
assert len(load_dataset(repo_id, split="train", revision=sha)) == 2
assert [row["title"] for row in load_dataset(repo_id, split="train", streaming=True)] == ["a", "b", "c"]
""",
        user_environment,
        repo_id,
    )


def test_large_files_over_xet(user_environment: dict[str, str], make_repo: Callable, hub: RunningHub):
    """Clients with hf_xet use it by default. Random, compressible and floating-point content are compressed differently."""
    pytest.importorskip("hf_xet")
    python(
        """
import array, os, random, sys
from huggingface_hub import HfApi, hf_hub_download, constants
from huggingface_hub.utils._runtime import is_xet_available
assert is_xet_available()
repo_id, api = sys.argv[1], HfApi()
floats = array.array("f", (random.gauss(0, 1) for _ in range(300_000))).tobytes()
files = {"random.bin": os.urandom(300_000), "text.bin": b"the same again, " * 50_000, "w.safetensors": floats}
for path, content in files.items():
    api.upload_file(repo_id=repo_id, path_in_repo=path, path_or_fileobj=content)
for path, content in files.items():
    with open(hf_hub_download(repo_id, path), "rb") as file:
        assert file.read() == content, path
""",
        user_environment,
        make_repo(),
    )


def test_the_hf_command(user_environment: dict[str, str], make_repo: Callable, tmp_path: Path):
    repo_id, folder = make_repo(), tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/w.bin").write_bytes(os.urandom(50_000))
    (folder / "README.md").write_text("# Hello\n")
    program = shutil.which("hf", path=Path(sys.executable).parent)
    assert program is not None
    for arguments in (
        ["auth", "whoami"],
        ["upload", repo_id, str(folder), "."],
        ["download", repo_id, "--local-dir", str(tmp_path / "back")],
    ):
        process = subprocess.run(
            [program, *arguments], capture_output=True, text=True, env=user_environment, timeout=60
        )
        assert process.returncode == 0, process.stderr
    assert (tmp_path / "back/sub/w.bin").read_bytes() == (folder / "sub/w.bin").read_bytes()


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_clone_and_pull(hub: RunningHub, api: HfApi, make_repo: Callable, tmp_path: Path):
    repo_id = make_repo("dataset", private=True)
    api.upload_file(repo_id=repo_id, repo_type="dataset", path_in_repo="a.txt", path_or_fileobj=b"one")
    api.create_tag(repo_id, repo_type="dataset", tag="v1")

    def git(*arguments: str, folder: Path = tmp_path) -> subprocess.CompletedProcess:
        environment = os.environ | {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull}
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, env=environment)

    address = f"{hub.url}/datasets/{repo_id}"
    assert git("clone", address).returncode != 0
    with_token = address.replace("http://", f"http://user:{hub.token}@")
    assert git("clone", with_token, "clone").returncode == 0
    clone = tmp_path / "clone"
    assert (clone / "a.txt").read_text() == "one"
    assert git("tag", folder=clone).stdout == "v1\n"
    api.upload_file(repo_id=repo_id, repo_type="dataset", path_in_repo="a.txt", path_or_fileobj=b"two")
    assert git("pull", folder=clone).returncode == 0
    assert (clone / "a.txt").read_text() == "two"
    assert git("fsck", "--strict", folder=clone).returncode == 0
    refused = git("push", "origin", "HEAD:other", folder=clone)
    assert refused.returncode != 0
    assert "takes no 'git push'" in refused.stderr


def test_a_large_file_needs_little_memory(hub: RunningHub, api: HfApi, make_repo: Callable, tmp_path: Path):
    repo_id, size = make_repo(), 300 * 2**20
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        block = os.urandom(2**20)
        for _ in range(size // 2**20):
            file.write(block)
    api.upload_file(repo_id=repo_id, path_in_repo="large.bin", path_or_fileobj=large)
    path = api.hf_hub_download(repo_id, "large.bin", cache_dir=tmp_path / "cache")
    assert Path(path).stat().st_size == size
    status = Path(f"/proc/{hub.pid}/status").read_text()
    assert int(status.split("VmHWM:")[1].split()[0]) < 150 * 1024


def test_concurrent_uploads_all_arrive_and_one_parent_has_one_child(api: HfApi, make_repo: Callable):
    from concurrent.futures import ThreadPoolExecutor

    repo_id = make_repo()
    head = api.repo_info(repo_id).sha

    def upload(i: int) -> None:
        api.upload_file(repo_id=repo_id, path_in_repo=f"{i}.bin", path_or_fileobj=b"%d" % i)

    def race(i: int) -> bool:
        try:
            api.upload_file(repo_id=repo_id, path_in_repo="race.txt", path_or_fileobj=b"%d" % i, parent_commit=head)
        except Exception as error:
            assert "412" in str(error)
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(race, range(8))) == 1
        list(pool.map(upload, range(24)))
    assert len(api.list_repo_files(repo_id)) == 26
    assert len(api.list_repo_commits(repo_id)) == 26
