"""A Hub shows no token in a terminal and no path to clients, and its log shows how it ended."""

import os
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from local_hub.accounts import Accounts, first_tokens
from local_hub.errors import UsageError
from local_hub.server import start, stop
from titlecraft.command_line.verbs.hub import main
from titlecraft.errors import UserError


def test_a_hub_leaves_traces_but_no_secrets(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    root = tmp_path / "a hub's root"
    hub = start(root)
    try:
        health = httpx.get(f"{hub.url}/api/health", trust_env=False).json()
        assert health["status"] == "ok" and str(tmp_path) not in str(health)

        assert main(["status", "--root", str(root)]) == 0
        shown = capsys.readouterr().out
        assert hub.token not in shown and hub.read_token not in shown
        export = next(line for line in shown.splitlines() if line.startswith("export "))
        command = f'{export}; printf "%s %s" "$HF_ENDPOINT" "$HF_TOKEN"'
        assert subprocess.run(["sh", "-c", command], capture_output=True, text=True).stdout == f"{hub.url} {hub.token}"
        assert (root / "token").stat().st_mode & 0o777 == 0o600

        assert main(["check", "--root", str(root)]) == 0
        with pytest.raises(UsageError, match=f"served at {hub.url}: stop that Hub .*{hub.pid}"):
            main(["check", "--root", str(root), "--set-aside"])

        os.kill(hub.pid, signal.SIGSEGV)
        os.waitpid(hub.pid, 0)
        log = (root / "hub.log").read_text()
        assert "Fatal Python error: Segmentation fault" in log and "crashed or was killed" not in log
        assert hub.token not in log
        second = start(root)
        assert f"the last Hub on this root (process {hub.pid}) crashed or was killed" in (root / "hub.log").read_text()
        stop(root)
        start(root)
        assert f"process {second.pid}) crashed" not in (root / "hub.log").read_text()
    finally:
        stop(root)


def test_set_aside_is_for_check() -> None:
    with pytest.raises(UserError, match="--set-aside is for `titlecraft hub check`"):
        main(["status", "--set-aside"])


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{",
        '{"users": {}, "tokens": 5}',
        '{"users": {"ada": {"orgs": 5}}, "tokens": {}}',
        '{"users": {"ada": {"email": 5}}, "tokens": {}}',
        '{"users": {"ada": {}}, "tokens": {"hf_x": {"user": "eve"}}}',
        '{"users": {"ada": {}}, "tokens": {"hf_x": {"user": "ada", "role": 5}}}',
        '{"users": {}, "tokens": {}, "orgs": {"acme": {"private_by_default": "no"}}}',
        "[" * 100_000,
    ],
)
def test_damaged_accounts_are_named_in_one_line(tmp_path: Path, content: str) -> None:
    file = tmp_path / "accounts.json"
    file.write_text(content)
    with pytest.raises(UsageError, match="not a valid accounts file") as refused:
        Accounts.load(file)
    assert "\n" not in str(refused.value)


def test_accounts_that_cannot_write(tmp_path: Path) -> None:
    file = tmp_path / "accounts.json"
    file.write_text('{"users": {"ada": {}}, "tokens": {"hf_r": {"user": "ada", "role": "read"}}}')
    assert first_tokens(file) == ("", "hf_r")
