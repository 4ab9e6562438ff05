"""Starts and stops a Hub in a process of its own. Standard library only, because every command line imports it.

hub = start(Path(".demo/hub"))          # a detached server, or the running server of this root
subprocess.run([...], env=os.environ | hub.environment(Path(".demo/hf")))
stop(Path(".demo/hub"))
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_hub.accounts import ensure_accounts, first_tokens
from local_hub.errors import UsageError
from local_hub.root_folder import (
    is_served,
    read_state,
    usable_root,
)
from local_hub.untrusted.data import read_json_object

_START_SECONDS = 30.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True)
class RunningHub:
    """A Hub that answers at `url`."""

    url: str
    token: str = field(repr=False)
    read_token: str = field(repr=False)
    root: Path
    pid: int

    def environment(self, hf_home: Path) -> dict[str, str]:
        """Environment variables for unmodified clients of this Hub, with their cache in `hf_home`.

        Clients read them at import. Their cache is keyed by repo id, not by endpoint: the usual `HF_HOME` would mix two Hubs.
        """
        home = Path(hf_home).absolute()
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": self.token,
            "HF_HOME": str(home),
            # if set, these take precedence over HF_HOME
            "HF_HUB_CACHE": str(home / "hub"),
            "HF_ASSETS_CACHE": str(home / "assets"),
            "HF_XET_CACHE": str(home / "xet"),
            "HF_DATASETS_CACHE": str(home / "datasets"),
            "HF_MODULES_CACHE": str(home / "modules"),
            "HF_TOKEN_PATH": str(home / "token"),
            "HF_STORED_TOKENS_PATH": str(home / "stored_tokens"),
            "HF_HUB_OFFLINE": "0",
            "HF_DATASETS_OFFLINE": "0",
            "TRANSFORMERS_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
        }


def start(root: Path, port: int | None = None) -> RunningHub:
    """Return the Hub that serves this root folder; start a detached process if there is none.

    Args:
        root: the folder of the Hub; created if missing.
        port: None takes the last port of this root, so that addresses stay valid, else a free port; 0 takes a free port.

    Raises:
        UsageError: the folder or the port cannot be used, or the server does not answer.
    """
    root = usable_root(root)
    if is_served(root) and (hub := _running(root, port)):
        return hub
    ensure_accounts(root)
    command = [sys.executable, "-m", "local_hub", "--root", str(root)]
    command += ["--port", str(port)] if port is not None else []
    package_folder = str(Path(__file__).resolve().parents[1])
    path = os.pathsep.join(filter(None, [package_folder, os.environ.get("PYTHONPATH")]))
    (root / "hub.log").touch(mode=0o600)
    with (root / "hub.log").open("ab") as log:
        before = log.tell()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in this terminal does not reach the Hub
            env=os.environ | {"PYTHONPATH": path},
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            if is_served(root) and (hub := _running(root, port)):  # another process started one meanwhile
                return hub
            raise UsageError(_last_error(root / "hub.log", before))
        state = read_state(root)
        if state.get("pid") == process.pid and _answers(state, root):
            return _described(root, state)
        time.sleep(0.02)
    process.kill()
    raise UsageError(f"The Hub on {root} did not answer within {_START_SECONDS:.0f} s; see {root / 'hub.log'}")


def stop(root: Path) -> bool:
    """Stop the Hub that serves `root` and wait until it has ended; return False if there is none. Raises UsageError."""
    root = Path(root).absolute()
    if not is_served(root):
        return False
    pid = read_state(root).get("pid")
    if pid is None:
        raise UsageError(f"{root} is locked by a Hub that is just starting; try again")
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):  # a child process stays a zombie until it is waited for
                os.waitpid(pid, os.WNOHANG)
            if not is_served(root):
                return True
            time.sleep(0.02)
    raise UsageError(f"The Hub on {root} (process {pid}) cannot be stopped")


def status(root: Path) -> RunningHub | None:
    """The Hub that serves `root` and answers, or None if there is none."""
    root = Path(root).absolute()
    state = read_state(root) if is_served(root) else {}
    return _described(root, state) if state and _answers(state, root) else None


def _running(root: Path, port: int | None) -> RunningHub | None:
    """The Hub that holds the lock of the root, once it answers; None if it ends before."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = read_state(root)
        if state and _answers(state, root):
            if port not in (None, 0, state["port"]):
                raise UsageError(f"{root} is already served at {state['url']}, not on port {port}: stop that Hub first")
            return _described(root, state)
        if not is_served(root):
            return None
        time.sleep(0.05)
    raise UsageError(f"{root} is locked by a Hub that does not answer; see {root / 'hub.log'}")


def _described(root: Path, state: dict) -> RunningHub:
    token, read_token = first_tokens(Path(state["accounts"]))
    return RunningHub(state["url"], token, read_token, root, state["pid"])


def _answers(state: dict[str, Any], root: Path) -> bool:
    """Return True if the Hub at the address in `state` is the one that wrote it."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy
    try:
        with opener.open(f"{state['url']}/api/health", timeout=5) as response:
            health = read_json_object(response.read(10_000))
    except (urllib.error.URLError, OSError, ValueError):
        return False
    if "instance" not in state:  # a Hub of an older version
        return health.get("root") == str(root)
    return health.get("instance") == state["instance"]


def _last_error(log: Path, start_at: int) -> str:
    with log.open("rb") as file:
        file.seek(start_at)
        lines = file.read().decode(errors="replace").strip().splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return errors[-1] if errors else f"The Hub stopped while starting: {lines[-1] if lines else 'no output'}; see {log}"
