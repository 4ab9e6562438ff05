"""The root folder of a Hub: its own files, its lock, its permissions, and the state that the serving process writes."""

import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local_hub.errors import UsageError
from local_hub.untrusted.data import BadData, read_json_object

# in the root: the write token, for `HF_TOKEN="$(cat …)"`, so that it appears in no terminal and no log
TOKEN_FILE = "token"


# all names that a Hub writes into its root
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


def write_state(root: Path, state: dict[str, Any]) -> None:
    draft = root / "hub.json.new"
    draft.write_text(json.dumps(state))
    draft.replace(root / "hub.json")


def write_private(file: Path, text: str) -> None:
    """Write `text` to `file` in one step, readable by this user only."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
    draft.replace(file)


def usable_root(root: Path) -> Path:
    root = Path(root).absolute()
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {entry.name for entry in root.iterdir()}
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
    if names and "hub.lock" not in names and names - _OWN_FILES:
        with contextlib.suppress(OSError):
            (root / "tmp").rmdir()
        other = sorted(names - _OWN_FILES)[0]
        raise UsageError(f"{root} is not a Hub's folder (it holds {other!r}): choose a new one with --root DIR")
    _close_to_others(root)
    return root


def _close_to_others(root: Path) -> None:
    """Take the permissions of other users away: private repos and tokens are in the folder. Prints a line if it did."""
    opened = [path for path in (root, *(root / name for name in sorted(_OWN_FILES))) if others_may_read(path)]
    if not opened:
        return
    try:
        for path in opened:
            path.chmod(path.stat().st_mode & 0o700)
    except PermissionError:
        message = "belongs to another user, and others may read it, private repos and tokens included"
    else:
        message = "could be read by other users of this machine: only by its owner from now on"
    print(f"{root} {message}", file=sys.stderr, flush=True)


def others_may_read(path: Path) -> bool:
    try:
        return not path.is_symlink() and bool(path.stat().st_mode & 0o077)
    except OSError:
        return False


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of the root during the block: no other process serves or changes it. Raises UsageError if one does."""
    with (root / "hub.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            where = read_state(root).get("url", "another address")
            raise UsageError(f"{root} is served at {where} already: stop that Hub or choose another --root") from None
        yield


def is_served(root: Path) -> bool:
    """Return True while a process holds the lock. The system releases it when the process ends."""
    try:
        with (root / "hub.lock").open("r") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True


def read_state(root: Path) -> dict:
    try:
        state = read_json_object((root / "hub.json").read_bytes())
    except (OSError, BadData):
        return {}
    wanted = {"port": int, "url": str, "accounts": str, "pid": int | None}
    return state if all(isinstance(state.get(name), kind) for name, kind in wanted.items()) else {}
