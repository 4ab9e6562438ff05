"""The tiny world on an embedded Hub, and a user in front of it, with a folder and a Hub cache of their own."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.evaluation.served_world import ROOT, World, served_world

ADAPTER, BASE = "titlecraft/tiny-adapter", "titlecraft/tiny-base"


SESSION = """
import contextlib, io, json, os, re, sys
from titlecraft.cli import main
found = {}
for name, command in json.loads(sys.argv[1]).items():
    out, err, before = io.StringIO(), io.StringIO(), dict(os.environ)
    while re.match(r"[A-Z_]+=", command[0]):
        os.environ.update([command.pop(0).split("=", 1)])
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(command)
        except SystemExit as end:
            status = end.code
    found[name] = (status, out.getvalue(), err.getvalue(), "torch" in sys.modules)
    os.environ.clear()
    os.environ.update(before)
print(json.dumps(found))
"""


@dataclass(frozen=True)
class Outcome:
    """What a command did: its exit status, what it said, and whether torch has been imported by then."""

    status: int
    out: str
    err: str
    torch: bool

    def refusal(self) -> str:
        """The one line that it says; it must have failed for a mistake of the user's."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert self.status == 2 and len(lines) == 1 and "Traceback" not in self.err, (self.status, self.err[-3000:])
        return lines[0]


@dataclass(frozen=True)
class Desk:
    """Where a user sits: a Hub, an environment that names it, a folder."""

    world: World
    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run Python with these arguments."""
        return subprocess.run(
            [sys.executable, *command], env=self.environment | environment, cwd=self.folder, capture_output=True, text=True,
            timeout=120,
        )  # fmt: skip

    def session(self, commands: dict[str, list[str]]) -> dict[str, Outcome]:
        """What each `titlecraft …` did, one after another in one process, which saves the seconds of importing torch.

        An argument NAME=VALUE in capitals in front sets the environment, for that command alone.
        """
        done = self.run("-c", SESSION, json.dumps(commands))
        assert done.returncode == 0, done.stderr[-3000:]
        return {name: Outcome(*found) for name, found in json.loads(done.stdout.splitlines()[-1]).items()}

    def python(self, code: str, **environment: str) -> str:
        """What a user's script printed; it must succeed."""
        done = self.run("-c", code, **environment)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@contextmanager
def desk(root: Path) -> Iterator[Desk]:
    """A desk in front of the tiny world, for as long as its Hub runs."""
    (root / "world").mkdir()
    with served_world(root / "world") as world:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TITLECRAFT_"))}
        hub = {"HF_ENDPOINT": world.hub.url, "HF_TOKEN": world.hub.token, "HF_HOME": str(root / "home")}
        (root / "desk").mkdir()
        yield Desk(world, root / "desk", kept | hub | {"PYTHONPATH": str(ROOT)})
