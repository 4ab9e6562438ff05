"""python -m local_hub [serve] --root DIR [--port N] [--host ADDRESS] [--accounts FILE] [--allow-host NAME]
python -m local_hub check --root DIR [--set-aside]"""

import argparse
import sys
from pathlib import Path

from local_hub.errors import UsageError

DESCRIPTION = """\
A Hugging Face Hub on this machine: the Hub's HTTP protocol over git repositories in one folder, without network.

  serve   (default) serves the folder until Ctrl-C or SIGTERM
  check   names damaged repos and records; the exit status is 1 if there are any
"""
CLIENTS = """\
Clients need three variables, set before Python starts:

  export HF_ENDPOINT=http://127.0.0.1:PORT HF_TOKEN="$(cat DIR/token)" HF_HOME=/some/empty/folder

HF_HOME keeps the client's cache apart from the cache of the public Hub: it is keyed by repo id, not by endpoint.
DIR/accounts.json lists users, organisations and tokens; local_hub/README.md describes it.
"""


def main() -> int:
    """Run the command and return the exit status; a UsageError becomes one line on stderr and status 2."""
    try:
        require_unix()
        return run()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def require_unix() -> None:
    """Raises UsageError on Windows, before a module is imported that needs fcntl or resource."""
    if sys.platform in ("win32", "cygwin"):
        raise UsageError(
            "The Hub runs on Linux and macOS, and this is Windows: install WSL (`wsl --install`, see "
            "https://learn.microsoft.com/windows/wsl) and run the same command in its shell"
        )


def run() -> int:
    """Parse the arguments, serve or check, and return the exit status. Raises UsageError."""
    from local_hub.serving import LOOPBACK, serve  # needs fcntl

    parser = argparse.ArgumentParser(
        prog="python -m local_hub",
        description=DESCRIPTION,
        epilog=CLIENTS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("action", nargs="?", choices=["serve", "check"], default="serve")
    parser.add_argument(
        "--root", metavar="DIR", type=Path, required=True, help="folder of the repos and accounts; created if missing"
    )
    parser.add_argument(
        "--port",
        metavar="N",
        type=int,
        help="port to listen on (default: the last port of DIR, else a free port); 0: a free port",
    )
    parser.add_argument(
        "--host",
        metavar="ADDRESS",
        default=LOOPBACK,
        help="address to listen on (default: %(default)s, this machine only)",
    )
    parser.add_argument(
        "--accounts",
        metavar="FILE",
        type=Path,
        help="JSON file of users and tokens (default: DIR/accounts.json, created if missing)",
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="host name that clients or a proxy use for this Hub; may be repeated; '*' allows any name",
    )
    parser.add_argument(
        "--set-aside",
        action="store_true",
        help="check: move damaged repos and records to DIR/set-aside, delete nothing",
    )
    arguments = parser.parse_args()
    if arguments.action == "check":
        from local_hub.check.hub import check

        return check(arguments.root, move_damaged=arguments.set_aside)
    serve(arguments.root, arguments.host, arguments.port, arguments.accounts, arguments.allow_host)
    return 0


if __name__ == "__main__":
    sys.exit(main())
