"""titlecraft hub serve|start|stop|status|check [--root DIR] [--port N] [--host ADDRESS] [--allow-host NAME] [--set-aside]"""

import shlex
from pathlib import Path

from titlecraft.command_line.choose_hub import local_root
from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError


def main(arguments: list[str]) -> int:
    """Serve the embedded Hub in the foreground, start or stop it in the background, or report its state."""
    from local_hub.root_folder import TOKEN_FILE
    from local_hub.server import start, status, stop
    from local_hub.serving import LOOPBACK, serve

    parser = VerbParser(
        prog="titlecraft hub", description="The embedded Hub: the Hub's protocol, served on this machine."
    )
    parser.add_argument(
        "action",
        choices=["serve", "start", "stop", "status", "check"],
        help="serve stays in the foreground; check lists damaged repos, also while the Hub runs",
    )
    parser.add_argument(
        "--root", type=Path, default=local_root() / "hub", help="folder of repos and accounts (default: .demo/hub)"
    )
    parser.add_argument("--port", type=int, help="default: the last port, else any free one; 0 takes any free one")
    parser.add_argument("--host", default=LOOPBACK, help="address to listen on, for serve (default: this machine only)")
    parser.add_argument(
        "--accounts", type=Path, help="users and tokens to serve with, for serve (default: ROOT/accounts.json)"
    )
    parser.add_argument(
        "--set-aside", action="store_true", help="for check: move damaged files to ROOT/set-aside; nothing is deleted"
    )
    parser.add_argument(
        "--allow-host",
        metavar="NAME",
        action="append",
        default=[],
        help="for serve: a host name that other machines or a proxy use; may be repeated; `*` allows any",
    )
    options = parser.parse_args(arguments)
    if options.set_aside and options.action != "check":
        raise UserError("--set-aside is for `titlecraft hub check`")
    if options.action == "serve":
        print(
            f"`titlecraft hub status --root {options.root}` prints, in another shell, the environment variables for clients",
            flush=True,
        )
        serve(
            options.root,
            host=options.host,
            port=options.port,
            accounts=options.accounts,
            allowed_hosts=options.allow_host,
        )
        return 0
    if options.host != LOOPBACK or options.accounts or options.allow_host:
        raise UserError("--host, --accounts and --allow-host are for `titlecraft hub serve`")
    if options.action == "check":
        from local_hub.check.hub import check

        return check(options.root, move_damaged=options.set_aside)
    if options.action == "stop":
        print("stopped" if stop(options.root) else f"no Hub serves {options.root}")
        return 0
    hub = start(options.root, options.port) if options.action == "start" else status(options.root)
    if hub is None:
        print(f"no Hub serves {options.root}; `titlecraft hub start` starts one")
        return 1
    token = f'"$(cat {shlex.quote(str(hub.root / TOKEN_FILE))})"'  # keeps the token itself out of scrollbacks and logs
    home = shlex.quote(str(local_root() / "hf_home"))
    print(f"{hub.url} (process {hub.pid}, files in {hub.root})")
    print(f"export HF_ENDPOINT={hub.url} HF_TOKEN={token} HF_HOME={home} HF_HUB_DISABLE_XET=1")
    return 0
