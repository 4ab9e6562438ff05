"""The tiny world on an embedded Hub, and a user in front of it, with a folder and a Hub cache of their own."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.evaluation.served_world import ROOT, served_world
from tests.main_job.conftest import World, plain_environment

ADAPTER, BASE = "titlecraft/tiny-adapter", "titlecraft/tiny-base"


SESSION = """
import contextlib, io, json, os, re, sys
from titlecraft.command_line.main import main
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
class Desk(World):
    """Where a user sits in front of the tiny world, whose pins are repo -> NAMESPACE/NAME@COMMIT."""

    pins: dict[str, str]

    def say(self, code: str) -> str:
        """What a user's script printed; it must succeed."""
        done = self.python(code)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def session(self, commands: dict[str, list[str]]) -> dict[str, Outcome]:
        """What each `titlecraft …` did, one after another in one process, which saves the seconds of importing torch.

        An argument NAME=VALUE in capitals in front sets the environment, for that command alone.
        """
        done = self.run(sys.executable, "-c", SESSION, json.dumps(commands))
        assert done.returncode == 0, done.stderr[-3000:]
        return {name: Outcome(*found) for name, found in json.loads(done.stdout.splitlines()[-1]).items()}


@contextmanager
def desk(root: Path) -> Iterator[Desk]:
    """A desk in front of the tiny world, for as long as its Hub runs."""
    for name in ("world", "desk"):
        (root / name).mkdir()
    with served_world(root / "world") as world:
        environment = plain_environment(world.hub, root / "home") | {"PYTHONPATH": str(ROOT)}
        yield Desk(world.hub, root / "desk", environment, world.pins)
