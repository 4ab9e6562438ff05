"""titlecraft hub serve|start|stop|status|check [--root DIR] [--port N] [--host ADDRESS] [--allow-host NAME] [--set-aside]"""

import shlex
from pathlib import Path

from titlecraft.command_line.choose_hub import local_root
from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError


def main(arguments: list[str]) -> int:
    """The embedded Hub: in the foreground, or in the background and away again."""
    from local_hub.root_folder import TOKEN_FILE
    from local_hub.server import start, status, stop
    from local_hub.serving import LOOPBACK, serve

    parser = VerbParser(prog="titlecraft hub", description="The embedded Hub: the real protocol on this machine.")
    parser.add_argument(
        "action",
        choices=["serve", "start", "stop", "status", "check"],
        help="serve stays in the foreground; check says which repos are damaged, also while the Hub runs",
    )
    parser.add_argument(
        "--root", type=Path, default=local_root() / "hub", help="where repos and accounts lie (default: .demo/hub)"
    )
    parser.add_argument("--port", type=int, help="default: the port it had last, else a free one; 0 is any free one")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on, for serve (default: this machine only)")
    parser.add_argument(
        "--accounts", type=Path, help="users and tokens to serve with, for serve (default: ROOT/accounts.json)"
    )
    parser.add_argument(
        "--set-aside", action="store_true", help="for check: move what is damaged to ROOT/set-aside; nothing is deleted"
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="a name by which other machines or a proxy reach it, for serve; may be repeated; `*` is any",
    )
    asked = parser.parse_args(arguments)
    if asked.set_aside and asked.action != "check":
        raise UserError("--set-aside is for `titlecraft hub check`")
    if asked.action == "serve":
        print(
            f"`titlecraft hub status --root {asked.root}` prints, in another shell, what clients need to be told",
            flush=True,
        )
        serve(asked.root, host=asked.host, port=asked.port, accounts=asked.accounts, allowed_hosts=asked.allow_host)
        return 0
    if asked.host != LOOPBACK or asked.accounts or asked.allow_host:
        raise UserError("--host, --accounts and --allow-host are for `titlecraft hub serve`")
    if asked.action == "check":
        from local_hub.check.hub import check

        return check(asked.root, move_damaged=asked.set_aside)
    if asked.action == "stop":
        print("stopped" if stop(asked.root) else f"no Hub serves {asked.root}")
        return 0
    hub = start(asked.root, asked.port) if asked.action == "start" else status(asked.root)
    if hub is None:
        print(f"no Hub serves {asked.root}; `titlecraft hub start` starts one")
        return 1
    token = f'"$(cat {shlex.quote(str(hub.root / TOKEN_FILE))})"'  # the token itself stays out of scrollbacks and logs
    home = shlex.quote(str(local_root() / "hf_home"))
    print(f"{hub.url} (process {hub.pid}, files in {hub.root})")
    print(f"export HF_ENDPOINT={hub.url} HF_TOKEN={token} HF_HOME={home} HF_HUB_DISABLE_XET=1")
    return 0
