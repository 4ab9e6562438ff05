"""python -m titlecraft.local_hub --root DIR [--port N] [--host H] [--accounts FILE]"""

import argparse
import sys
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.machine import require_unix


def main() -> int:
    """Serve a Hub in the foreground; the exit status."""
    try:
        require_unix()
        return run()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2


def run() -> int:
    """The same; raises UserError for a mistake of the user's."""
    from titlecraft.local_hub.server import LOOPBACK, serve  # needs fcntl, which Windows lacks

    parser = argparse.ArgumentParser(prog="python -m titlecraft.local_hub", description=serve.__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True, help="folder of the Hub's repos; made when it is missing")
    parser.add_argument("--port", type=int, help="0: any free one; default: the last one of this root, else a free one")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on; default: this machine only")
    parser.add_argument("--accounts", type=Path, help="JSON file of users and tokens; default: ROOT/accounts.json")
    arguments = parser.parse_args()
    serve(arguments.root, arguments.host, arguments.port, arguments.accounts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
