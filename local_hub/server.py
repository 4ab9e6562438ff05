"""Starting and stopping the embedded Hub. Standard library only: the command line imports this for every command.

hub = start(Path(".demo/hub"))          # a detached server, or the one that already serves this root
subprocess.run([...], env=os.environ | hub.environment(Path(".demo/hf")))
stop(Path(".demo/hub"))
"""

import contextlib
import errno
import faulthandler
import fcntl
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_hub.accounts import ensure_accounts, first_tokens
from local_hub.errors import UsageError
from local_hub.untrusted.data import BadData, read_json_object

LOOPBACK = "127.0.0.1"
# in the root: the write token, for `HF_TOKEN="$(cat …)"`; no terminal and no log shows it
TOKEN_FILE = "token"
# everything that a Hub writes into its root
_OWN_FILES = {
    "collections",
    "accounts.json",
    "accounts.new",
    "hub.json",
    "hub.json.new",
    "hub.lock",
    "hub.log",
    "jobs",
    "moved.json",
    "repos",
    "set-aside",
    "tmp",
    "token",
    "token.new",
}
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
        """The variables that make unmodified clients use this Hub and keep its files apart in `hf_home`.

        The clients' cache is keyed by repo id, not by endpoint: with the usual `HF_HOME` it would mix up two hubs.
        Set them before the client is imported: it reads them once.
        """
        home = Path(hf_home).absolute()
        return {
            "HF_ENDPOINT": self.url,
            "HF_TOKEN": self.token,
            "HF_HOME": str(home),
            # these win over HF_HOME when somebody has set them
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
    """A Hub on this root: the one that serves it already, else a new detached process that outlives this one.

    `port` None means the port that this root had last (so that addresses stay valid), else a free one.
    Raises UsageError.
    """
    root = _usable_root(root)
    if _is_served(root) and (hub := _running(root, port)):
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
            start_new_session=True,  # Ctrl-C in this terminal is not meant for the Hub
            env=os.environ | {"PYTHONPATH": path},
        )
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            if _is_served(root) and (hub := _running(root, port)):  # somebody else was faster
                return hub
            raise UsageError(_last_error(root / "hub.log", before))
        state = _state(root)
        if state.get("pid") == process.pid and _answers(state, root):
            return _described(root, state)
        time.sleep(0.02)
    process.kill()
    raise UsageError(f"The Hub on {root} did not answer within {_START_SECONDS:.0f} s; see {root / 'hub.log'}")


def stop(root: Path) -> bool:
    """Stop the Hub that serves `root` and wait until it is gone; False when none does."""
    root = Path(root).absolute()
    if not _is_served(root):
        return False
    pid = _state(root).get("pid")
    if pid is None:
        raise UsageError(f"{root} is locked by a Hub that is just starting; try again")
    for sent in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, sent)
        deadline = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < deadline:
            with contextlib.suppress(ChildProcessError):  # it may be a child of ours, then it waits to be collected
                os.waitpid(pid, os.WNOHANG)
            if not _is_served(root):
                return True
            time.sleep(0.02)
    raise UsageError(f"The Hub on {root} (process {pid}) cannot be stopped")


def status(root: Path) -> RunningHub | None:
    """The Hub that serves `root` and answers, or None."""
    root = Path(root).absolute()
    state = _state(root) if _is_served(root) else {}
    return _described(root, state) if state and _answers(state, root) else None


def serve(
    root: Path,
    host: str = LOOPBACK,
    port: int | None = None,
    accounts: Path | None = None,
    allowed_hosts: Iterable[str] = (),
) -> None:
    """Serve `root` in the foreground until SIGTERM or SIGINT. `port` as in `start`; 0 is any free one.

    `allowed_hosts`: names by which other machines or a proxy reach it, beside numbers and this machine's name; `*` is any.

    Raises UsageError for a port in use, a root that cannot be written or that another Hub serves, bad accounts.
    """
    os.umask(0o077)  # whatever is written from here on is for this user
    root = _usable_root(root)
    with locked(root):
        accounts_file = Path(accounts).absolute() if accounts else ensure_accounts(root)
        if accounts and _others_may(accounts_file):
            said = "holds tokens and can be read by other users of this machine: chmod 600 it"
            print(f"{accounts_file} {said}", file=sys.stderr, flush=True)
        before = _state(root)
        listener = _listen(host, port, before.get("port"))
        chosen = listener.getsockname()[1]
        shown_host = f"[{host}]" if ":" in host else host
        url = f"http://{shown_host}:{chosen}"
        state = {"pid": os.getpid(), "port": chosen, "url": url, "accounts": str(accounts_file)}
        state["instance"] = secrets.token_hex(16)
        if before.get("instance") and before.get("pid"):
            print(f"warning: the last Hub on this root (process {before['pid']}) crashed or was killed", flush=True)
        faulthandler.enable()  # a crash in C leaves its traceback in the log
        _run(root, accounts_file, listener, host, allowed_hosts, state)
        _write_state(root, state | {"pid": None})  # it ended as it should


def _run(
    root: Path,
    accounts_file: Path,
    listener: socket.socket,
    host: str,
    allowed_hosts: Iterable[str],
    state: dict[str, Any],
) -> None:
    from local_hub.accounts import Accounts
    from local_hub.app import create_app
    from local_hub.requests.host_check import known_names
    from local_hub.uvicorn_server import run_until_signalled

    app = create_app(root, Accounts.load(accounts_file), known_names(host, allowed_hosts), state["instance"])
    _write_private(root / TOKEN_FILE, first_tokens(accounts_file)[0])
    _write_state(root, state)
    print(f"Hub on {root} answers at {state['url']} (Ctrl-C stops it)", flush=True)
    run_until_signalled(app, listener)


def _write_state(root: Path, state: dict[str, Any]) -> None:
    draft = root / "hub.json.new"
    draft.write_text(json.dumps(state))
    draft.replace(root / "hub.json")


def _write_private(file: Path, text: str) -> None:
    """Replace `file` by one that only this user can read."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    draft.replace(file)


def _listen(host: str, port: int | None, last_port: int | None) -> socket.socket:
    """A bound socket. Raises UsageError that names the port and the fix."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    candidates = [port] if port is not None else [last_port, 0] if last_port else [0]
    for candidate in candidates:
        # asyncio switches Nagle's delay (40 ms an answer) off only where the protocol is named
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # a port whose old connections are still winding down is free to take; one that is listened to is not
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, candidate))
            listener.listen(2048)
            return listener
        except OSError as error:
            listener.close()
            if candidate != candidates[-1] and error.errno == errno.EADDRINUSE:
                continue
            if error.errno == errno.EADDRINUSE:
                reason = "is in use by another program; choose another with --port N, or --port 0 for any free one"
            elif error.errno == errno.EACCES:
                reason = "needs special rights; choose one above 1023 with --port N, or --port 0 for any free one"
            else:
                reason = f"cannot be opened: {error.strerror}"
            raise UsageError(f"Port {candidate} on {host} {reason}") from None
        except OverflowError:
            listener.close()
            raise UsageError(f"Port {candidate} does not exist: use 0 to 65535") from None
    raise AssertionError("unreachable: the last candidate returns or raises")


def _usable_root(root: Path) -> Path:
    root = Path(root).absolute()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = {entry.name for entry in root.iterdir()}
        (root / "tmp").mkdir(mode=0o700, exist_ok=True)
    except NotADirectoryError:
        raise UsageError(f"{root} is not a folder: choose another with --root DIR") from None
    except FileExistsError as error:
        fix = (
            "choose another with --root DIR"
            if Path(error.filename) == root
            else "move it away, its folder is made anew"
        )
        raise UsageError(f"{error.filename} is a file, expected a folder: {fix}") from None
    except OSError as error:
        raise UsageError(f"The Hub cannot write to {root} ({error.strerror}): choose another with --root DIR") from None
    if not os.access(root, os.W_OK | os.X_OK):
        raise UsageError(f"The Hub cannot write to {root}: choose another with --root DIR")
    if found and "hub.lock" not in found and found - _OWN_FILES:
        with contextlib.suppress(OSError):
            (root / "tmp").rmdir()
        stranger = sorted(found - _OWN_FILES)[0]
        raise UsageError(f"{root} is not a Hub's folder (it holds {stranger!r}): choose a new one with --root DIR")
    _close_to_others(root)
    return root


def _close_to_others(root: Path) -> None:
    """Private repos and tokens lie in there: only this user may look, as the Hub decides for everybody else."""
    opened = [path for path in (root, *(root / name for name in sorted(_OWN_FILES))) if _others_may(path)]
    if not opened:
        return
    try:
        for path in opened:
            path.chmod(path.stat().st_mode & 0o700)
    except PermissionError:
        said = "belongs to another user, and others may read it, private repos and tokens included"
    else:
        said = "could be read by other users of this machine: only by its owner from now on"
    print(f"{root} {said}", file=sys.stderr, flush=True)


def _others_may(path: Path) -> bool:
    try:
        return not path.is_symlink() and bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """No other process serves or changes the root during the block. Raises UsageError when one does already."""
    with (root / "hub.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = _state(root).get("url", "another address")
            raise UsageError(f"{root} is served at {where} already: stop that Hub or choose another --root") from None
        yield


def _is_served(root: Path) -> bool:
    """True while a process holds the lock: it ends with the process, however that dies."""
    try:
        with (root / "hub.lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def _state(root: Path) -> dict:
    try:
        state = read_json_object((root / "hub.json").read_bytes())
    except (OSError, BadData):
        return {}
    wanted = {"port": int, "url": str, "accounts": str, "pid": int | None}
    return state if all(isinstance(state.get(name), kind) for name, kind in wanted.items()) else {}


def _running(root: Path, port: int | None) -> RunningHub | None:
    """The Hub that serves the root; None when it ended while we waited for its answer."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        state = _state(root)
        if state and _answers(state, root):
            if port not in (None, 0, state["port"]):
                raise UsageError(f"{root} is already served at {state['url']}, not on port {port}: stop that Hub first")
            return _described(root, state)
        if not _is_served(root):
            return None
        time.sleep(0.05)
    raise UsageError(f"{root} is locked by a Hub that does not answer; see {root / 'hub.log'}")


def _described(root: Path, state: dict) -> RunningHub:
    token, read_token = first_tokens(Path(state["accounts"]))
    return RunningHub(state["url"], token, read_token, root, state["pid"])


def _answers(state: dict[str, Any], root: Path) -> bool:
    """True when the Hub at this address is the one that wrote the state."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # never through a proxy
    try:
        with opener.open(f"{state['url']}/api/health", timeout=5) as response:
            said = read_json_object(response.read(10_000))
    except (urllib.error.URLError, OSError, ValueError):
        return False
    if "instance" not in state:  # a Hub of an older version
        return said.get("root") == str(root)
    return said.get("instance") == state["instance"]


def _last_error(log: Path, start_at: int) -> str:
    with log.open("rb") as file:
        file.seek(start_at)
        lines = file.read().decode(errors="replace").strip().splitlines()
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return errors[-1] if errors else f"The Hub stopped while starting: {lines[-1] if lines else 'no output'}; see {log}"
