"""Starting, finding and stopping a Hub, and the messages if that fails."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from local_hub.errors import UsageError
from local_hub.server import start, status, stop
from tests import ROOT


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Path]:
    root = tmp_path / "hub"
    yield root
    if root.is_dir():
        stop(root)


def run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "local_hub", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=ROOT)


def test_start_find_again_stop_and_start_at_the_same_address(root: Path):
    assert status(root) is None
    began = time.monotonic()
    first = start(root)
    assert time.monotonic() - began < 2.5
    assert start(root) == first == status(root)
    assert stop(root)
    assert not stop(root)
    assert status(root) is None
    second = start(root)
    assert (second.url, second.token) == (first.url, first.token)
    assert second.pid != first.pid


def test_a_port_in_use(tmp_path: Path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        process = run("--root", str(tmp_path / "hub"), "--port", port)
        assert (process.returncode, process.stdout) == (2, "")
        assert process.stderr.startswith(f"error: Port {port} on 127.0.0.1 is in use")
        assert "--port 0" in process.stderr
        assert process.stderr.count("\n") == 1
        with pytest.raises(UsageError, match=f"Port {port} .* in use"):
            start(tmp_path / "hub", port=int(port))


def test_the_last_port_was_taken_by_somebody_else(root: Path):
    first = start(root)
    stop(root)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", int(first.url.rsplit(":", 1)[1])))
        other.listen()
        assert start(root).url != first.url


def test_one_root_has_one_server(root: Path):
    hub = start(root)
    process = run("--root", str(root), "--port", "0")
    assert process.returncode == 2
    assert f"is served at {hub.url} already" in process.stderr
    with pytest.raises(UsageError, match="is already served at"):
        start(root, port=1)


def test_roots_that_cannot_be(tmp_path: Path):
    file = tmp_path / "file"
    file.write_text("x")
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "thesis.txt").write_text("precious")
    for root, complaint in ((file, "is a file"), (file / "below", "not a folder"), (strange, "thesis.txt")):
        process = run("--root", str(root))
        assert process.returncode == 2
        assert complaint in process.stderr
        assert process.stderr.startswith("error: ")
        assert process.stderr.count("\n") == 1
    assert [path.name for path in strange.iterdir()] == ["thesis.txt"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_root_without_write_permission(tmp_path: Path):
    tmp_path.chmod(0o500)
    process = run("--root", str(tmp_path / "hub"))
    tmp_path.chmod(0o700)
    assert process.returncode == 2
    assert "cannot write" in process.stderr


def test_a_bad_accounts_file(tmp_path: Path):
    accounts = tmp_path / "accounts.json"
    for content in ("{", "[]", '{"users": {}, "tokens": {"x": {"user": "nobody"}}}'):
        accounts.write_text(content)
        process = run("--root", str(tmp_path / "hub"), "--accounts", str(accounts))
        assert process.returncode == 2
        assert "not a valid accounts file" in process.stderr


def test_the_launcher_needs_the_standard_library_only():
    code = "import sys, local_hub.server; print([m for m in ('starlette', 'dulwich', 'yaml') if m in sys.modules])"
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert process.stdout.strip() == "[]"


def test_the_environment_keeps_this_hubs_files_apart(root: Path, tmp_path: Path):
    hub = start(root)
    environment = hub.environment(tmp_path / "hf")
    assert environment["HF_ENDPOINT"] == hub.url
    assert environment["HF_HUB_CACHE"] == str(tmp_path / "hf" / "hub")
    assert environment["HF_HUB_DISABLE_XET"] == "1"


def test_small_answers_are_not_held_back(root: Path):
    """Without TCP_NODELAY each answer on a keep-alive connection waits 40 ms for an acknowledgement."""
    with httpx.Client(base_url=start(root).url, trust_env=False) as client:
        client.get("/api/health")
        began = time.monotonic()
        fastest = min(_seconds(client) for _ in range(10))
        assert fastest < 0.03, f"{time.monotonic() - began:.3f} s for ten requests"


def _seconds(client: httpx.Client) -> float:
    began = time.monotonic()
    client.get("/api/health").raise_for_status()
    return time.monotonic() - began


def test_a_file_in_the_place_of_the_hubs_own_folder_is_named(tmp_path: Path):
    (tmp_path / "tmp").touch()
    with pytest.raises(UsageError, match=r"/tmp is a file, expected a folder: move it away"):
        start(tmp_path)
