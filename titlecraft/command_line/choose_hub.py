"""Choose the Hub of this process in its environment, before any Hub library is imported."""

import os
import re
import sys
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.hub import PUBLIC_HUB


def local_root() -> Path:
    """Return the folder of the embedded Hub's state: TITLECRAFT_ROOT, or .demo/ below the current folder."""
    return Path(os.environ.get("TITLECRAFT_ROOT", ".demo")).absolute()


def choose_hub(hub: str | None) -> None:
    """Point the Hub libraries at `local` (started if it does not run), at an address, or where HF_ENDPOINT points.

    Every Hub except the public one gets its own HF_HOME, unless that is set: the client's cache is keyed by repo id and
    not by Hub, and the token that `hf auth login` stored for the public Hub must not be sent elsewhere (HF_TOKEN is
    sent). Xet is disabled there, because its client retries for minutes if a Hub is unreachable.

    Raises:
        UserError: `hub` is neither `local` nor an address.
    """
    if loaded := {"huggingface_hub", "datasets", "transformers"} & sys.modules.keys():
        if hub is not None:
            raise RuntimeError(f"the Hub must be chosen before {', '.join(sorted(loaded))} is imported")
        return  # the Hub was chosen before that import
    if hub == "local":
        from local_hub.server import start, status

        root = local_root() / "hub"
        if status(root) is None:
            state = "stopped" if root.is_dir() else "new and empty"
            print(f"starting the embedded Hub in {root} ({state}); `titlecraft hub stop` stops it", file=sys.stderr)
        os.environ.update(start(local_root() / "hub").environment(local_root() / "hf_home"))
        return
    if hub is not None:
        if not re.fullmatch(r"https?://[^/\s]+/?", hub):
            raise UserError(f"--hub {hub!r}: expected `local` or an address such as http://127.0.0.1:8000")
        os.environ["HF_ENDPOINT"] = hub.rstrip("/")
    host = os.environ.get("HF_ENDPOINT", PUBLIC_HUB).partition("://")[2]
    if host != PUBLIC_HUB.partition("://")[2]:
        os.environ.setdefault("HF_HUB_DISABLE_XET", "1")
        home = Path.home() / ".cache" / "titlecraft" / "hubs" / re.sub(r"[^\w.-]", "_", host)
        os.environ.setdefault("HF_HOME", str(home))


def hub_option() -> str:
    """Return the option ` --hub …` by which another command finds the Hub of this process; empty for the public Hub."""
    endpoint = os.environ.get("HF_ENDPOINT", PUBLIC_HUB).rstrip("/")
    if endpoint == PUBLIC_HUB:
        return ""
    from local_hub.server import status

    root = local_root() / "hub"
    running = status(root) if root.is_dir() else None
    return " --hub local" if running is not None and running.url == endpoint else f" --hub {endpoint}"
