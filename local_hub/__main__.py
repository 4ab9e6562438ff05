"""python -m local_hub [serve] --root DIR [--port N] [--host H] [--accounts FILE] [--allow-host NAME]
python -m local_hub check --root DIR [--set-aside]"""

import argparse
import sys
from pathlib import Path

from local_hub.errors import UsageError


def main() -> int:
    """Serve a Hub in the foreground, or check one; the exit status."""
    try:
        require_unix()
        return run()
    except UsageError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def require_unix() -> None:
    """Raises UsageError on Windows, before anything is imported that needs fcntl or resource."""
    if sys.platform in ("win32", "cygwin"):
        raise UsageError(
            "The Hub runs on Linux and macOS, and this is Windows: install WSL (`wsl --install`, see "
            "https://learn.microsoft.com/windows/wsl) and run the same command in its shell"
        )


def run() -> int:
    """The same; raises UsageError."""
    from local_hub.serving import LOOPBACK, serve

    parser = argparse.ArgumentParser(prog="python -m local_hub", description=serve.__doc__.splitlines()[0])
    parser.add_argument(
        "action", nargs="?", choices=["serve", "check"], default="serve", help="check: say which repos are damaged"
    )
    parser.add_argument("--root", type=Path, required=True, help="folder of the Hub's repos; made when it is missing")
    parser.add_argument("--port", type=int, help="0: any free one; default: the last one of this root, else a free one")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on; default: this machine only")
    parser.add_argument("--accounts", type=Path, help="JSON file of users and tokens; default: ROOT/accounts.json")
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a name by which other machines or a proxy reach it; may be repeated; `*`: any",
    )
    parser.add_argument("--set-aside", action="store_true", help="for check: move what is damaged to ROOT/set-aside")
    arguments = parser.parse_args()
    if arguments.action == "check":
        from local_hub.check.hub import check

        return check(arguments.root, move_damaged=arguments.set_aside)
    serve(arguments.root, arguments.host, arguments.port, arguments.accounts, arguments.allow_host)
    return 0


if __name__ == "__main__":
    sys.exit(main())
