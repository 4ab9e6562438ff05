"""Files of a Hub are readable by its user only, wherever the folder is."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from local_hub.server import RunningHub, start, stop
from tests import ROOT


def open_to_others(root: Path) -> list[str]:
    return [str(path) for path in (root, *root.rglob("*")) if path.lstat().st_mode & 0o077 and not path.is_symlink()]


def test_everything_of_a_used_hub(hub: RunningHub, api, make_repo):
    repo_id = make_repo(private=True)
    api.upload_file(repo_id=repo_id, path_in_repo="a.bin", path_or_fileobj=b"weights\0")
    api.upload_file(repo_id=repo_id, path_in_repo="b.txt", path_or_fileobj=b"text")
    api.create_discussion(repo_id, title="a discussion")
    api.create_branch(repo_id, branch="side/branch")
    api.create_collection("a collection")
    jobs = str(hub.root / "jobs" / "")  # tests act as a runner there
    assert [path for path in open_to_others(hub.root) if not path.startswith(jobs)] == []


def test_an_old_root_is_closed_and_it_is_said(tmp_path: Path, capfd: pytest.CaptureFixture):
    root = tmp_path / "hub"
    start(root)
    stop(root)
    assert "other users" not in capfd.readouterr().err
    for name in ("", "accounts.json", "hub.log", "tmp"):
        (root / name).chmod(0o755)
    start(root)
    stop(root)
    assert open_to_others(root) == []
    message = capfd.readouterr().err.splitlines()
    assert message == [f"{root} could be read by other users of this machine: only by its owner from now on"]
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_an_accounts_file_elsewhere_is_left_alone_but_it_is_said(tmp_path: Path):
    start(tmp_path / "hub")
    stop(tmp_path / "hub")
    accounts = tmp_path / "accounts.json"
    accounts.write_bytes((tmp_path / "hub" / "accounts.json").read_bytes())
    accounts.chmod(0o644)
    command = [
        sys.executable,
        "-m",
        "local_hub",
        "--root",
        str(tmp_path / "other"),
        "--accounts",
        str(accounts),
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)
    assert process.stdout is not None and "answers at" in process.stdout.readline()
    process.terminate()
    _, warning = process.communicate(timeout=20)
    assert warning == f"{accounts} holds tokens and can be read by other users of this machine: chmod 600 it\n"
    assert stat.S_IMODE(accounts.stat().st_mode) == 0o644


def test_a_strangers_folder_is_not_touched(tmp_path: Path):
    (tmp_path / "thesis.txt").write_text("precious")
    tmp_path.chmod(0o755)
    with pytest.raises(Exception, match=r"thesis\.txt"):
        start(tmp_path)
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
