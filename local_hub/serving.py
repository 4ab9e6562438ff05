"""Serving a root in this process until a signal ends it."""

import errno
import faulthandler
import os
import secrets
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from local_hub.accounts import ensure_accounts, first_tokens
from local_hub.errors import UsageError
from local_hub.root_folder import (
    TOKEN_FILE,
    locked,
    others_may_read,
    read_state,
    usable_root,
    write_private,
    write_state,
)

LOOPBACK = "127.0.0.1"


def serve(
    root: Path,
    host: str = LOOPBACK,
    port: int | None = None,
    accounts: Path | None = None,
    allowed_hosts: Iterable[str] = (),
) -> None:
    """Serve a root folder in the foreground until SIGTERM or SIGINT.

    Args:
        root: the folder of the Hub; created if missing.
        host: the address to listen on.
        port: as in `server.start`; 0 takes a free port.
        accounts: the file of users and tokens; None takes `accounts.json` in the root.
        allowed_hosts: host names of this Hub besides IP addresses and the name of this machine; `*` allows any.

    Raises:
        UsageError: the port is in use, another Hub serves the root, it cannot be written, or the accounts are invalid.
    """
    os.umask(0o077)  # new files are readable by this user only
    root = usable_root(root)
    with locked(root):
        accounts_file = Path(accounts).absolute() if accounts else ensure_accounts(root)
        if accounts and others_may_read(accounts_file):
            warning = "holds tokens and can be read by other users of this machine: chmod 600 it"
            print(f"{accounts_file} {warning}", file=sys.stderr, flush=True)
        before = read_state(root)
        listener = _listen(host, port, before.get("port"))
        chosen = listener.getsockname()[1]
        shown_host = f"[{host}]" if ":" in host else host
        url = f"http://{shown_host}:{chosen}"
        state = {"pid": os.getpid(), "port": chosen, "url": url, "accounts": str(accounts_file)}
        state["instance"] = secrets.token_hex(16)
        if before.get("instance") and before.get("pid"):
            print(f"warning: the last Hub on this root (process {before['pid']}) crashed or was killed", flush=True)
        faulthandler.enable()  # a crash in C code writes a traceback into the log
        _run(root, accounts_file, listener, host, allowed_hosts, state)
        write_state(root, state | {"pid": None})  # a clean end


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
    write_private(root / TOKEN_FILE, first_tokens(accounts_file)[0])
    write_state(root, state)
    print(f"Hub on {root} answers at {state['url']} (Ctrl-C stops it)", flush=True)
    run_until_signalled(app, listener)


def _listen(host: str, port: int | None, last_port: int | None) -> socket.socket:
    """A listening socket. Raises UsageError, which names the port and the fix."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    candidates = [port] if port is not None else [last_port, 0] if last_port else [0]
    for candidate in candidates:
        # asyncio disables Nagle's algorithm (40 ms per answer) only if the protocol is given explicitly
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # allows a port with connections in TIME_WAIT, but not one that another process listens on
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
