"""One Hub for all tests of this folder, and clients with caches of their own."""

import os
import shutil
import subprocess
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from huggingface_hub import HfApi, constants

from local_hub.server import RunningHub, start, stop


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    root = tmp_path_factory.mktemp("hub") / "root"
    yield start(root)
    stop(root)


@pytest.fixture(autouse=True)
def _own_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client in this process writes into the folder of the test only and uploads without Xet."""
    home = tmp_path / "hf_home"
    for name, value in {
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_XET_CACHE": str(home / "xet"),
        "HF_TOKEN_PATH": str(home / "token"),
        "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
        "HF_HUB_DISABLE_XET": True,
    }.items():
        monkeypatch.setattr(constants, name, value)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "127.0.0.1,localhost")


@pytest.fixture
def api(hub: RunningHub) -> HfApi:
    """The real client with a write token."""
    return HfApi(endpoint=hub.url, token=hub.token)


@pytest.fixture
def web(hub: RunningHub) -> Iterator[httpx.Client]:
    """Plain HTTP with the write token."""
    headers = {"Authorization": f"Bearer {hub.token}"}
    with httpx.Client(base_url=hub.url, headers=headers, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def anonymous(hub: RunningHub) -> Iterator[httpx.Client]:
    """Plain HTTP without a token."""
    with httpx.Client(base_url=hub.url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture
def make_repo(api: HfApi) -> Callable[..., str]:
    """A function that creates a repo with a new name and returns its id."""

    def make(repo_type: str = "model", **options) -> str:
        name = f"{repo_type}-{uuid.uuid4().hex[:8]}"
        return api.create_repo(name, repo_type=repo_type, **options).repo_id

    return make


@pytest.fixture
def fsck() -> Callable[[Path], None]:
    """A function that asserts that git finds nothing wrong with a bare repo."""

    def check(folder: Path) -> None:
        if shutil.which("git") is None:
            pytest.skip("needs git")
        command = ["git", "-c", "safe.directory=*", "-C", str(folder), "fsck", "--full", "--strict", "--no-dangling"]
        process = subprocess.run(command, capture_output=True, text=True)
        assert (process.returncode, process.stdout + process.stderr) == (0, "")

    return check


@pytest.fixture
def user_environment(hub: RunningHub, tmp_path: Path) -> dict[str, str]:
    """An environment with HF_ENDPOINT, HF_TOKEN and HF_HOME, and no other variables of the clients."""
    others = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TRANSFORMERS_"))}
    return others | {"HF_ENDPOINT": hub.url, "HF_TOKEN": hub.token, "HF_HOME": str(tmp_path / "home")}
