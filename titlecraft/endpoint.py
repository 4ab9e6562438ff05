"""Choose the Hub that this process talks to, by environment, before any Hub library is imported."""

import os
import re
import sys
from pathlib import Path

from titlecraft.errors import UserError


def local_root() -> Path:
    """Where the embedded Hub of this folder keeps its state: TITLECRAFT_ROOT, or .demo/ below the current folder."""
    return Path(os.environ.get("TITLECRAFT_ROOT", ".demo")).absolute()


def choose_hub(hub: str) -> None:
    """Point the Hub libraries at `local` (started if it does not run) or at an address. Raises UserError.

    Any Hub but the public one gets a home of its own below HF_HOME's place: the client's cache is keyed by repo id and
    not by Hub, and a token of the public Hub must not be sent elsewhere.
    """
    if loaded := {"huggingface_hub", "datasets", "transformers"} & sys.modules.keys():
        raise RuntimeError(f"the Hub must be chosen before {', '.join(sorted(loaded))} is imported")
    if hub == "local":
        from titlecraft.local_hub.server import start

        os.environ.update(start(local_root() / "hub").environment(local_root() / "hf_home"))
        return
    match = re.fullmatch(r"(https?)://([^/\s]+)/?", hub)
    if not match:
        raise UserError(f"--hub {hub!r}: expected `local` or an address such as http://127.0.0.1:8000")
    os.environ["HF_ENDPOINT"] = hub.rstrip("/")
    if match[2] not in ("huggingface.co", "www.huggingface.co") and "HF_HOME" not in os.environ:
        home = Path.home() / ".cache" / "titlecraft" / "hubs" / re.sub(r"[^\w.-]", "_", match[2])
        os.environ["HF_HOME"] = str(home)
