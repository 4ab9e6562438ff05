"""Runs a module of the tests on an embedded Hub of its own."""

import os
import subprocess
from pathlib import Path

from local_hub.server import start, stop
from tests import ROOT
from tests.warm import PYTHON


def run_on_own_hub(
    module: str, root: Path, *arguments: str, variables: dict[str, str] | None = None, seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module arguments` with a Hub in `root/hub` and a client's cache in `root/home`; it must succeed.

    Args:
        variables: further environment variables.
        seconds: after which TimeoutExpired is raised.
    """
    hub = start(root / "hub")
    try:
        environment = os.environ | hub.environment(root / "home") | (variables or {})
        done = subprocess.run(
            [PYTHON, "-m", module, *arguments],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds,
        )
    finally:
        stop(root / "hub")
    assert done.returncode == 0, done.stderr
    return done
