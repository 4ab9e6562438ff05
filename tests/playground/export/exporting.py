"""The tiny world on an embedded Hub, and a user with a folder and a Hub cache of their own."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.evaluation.served_world import ROOT, served_world
from tests.main_job.conftest import World, plain_environment
from tests.warm import PYTHON

ADAPTER, BASE = "titlecraft/tiny-adapter", "titlecraft/tiny-base"


SESSION = """
import contextlib, io, json, os, re, sys
from titlecraft.command_line.main import main
outcomes = {}
for name, command in json.loads(sys.argv[1]).items():
    out, err, before = io.StringIO(), io.StringIO(), dict(os.environ)
    while re.match(r"[A-Z_]+=", command[0]):
        os.environ.update([command.pop(0).split("=", 1)])
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(command)
        except SystemExit as end:
            status = end.code
    outcomes[name] = (status, out.getvalue(), err.getvalue(), "torch" in sys.modules)
    os.environ.clear()
    os.environ.update(before)
print(json.dumps(outcomes))
"""


@dataclass(frozen=True)
class Outcome:
    """The outcome of a command: exit status, output, and whether torch was imported by its end."""

    status: int
    out: str
    err: str
    torch: bool

    def refusal(self) -> str:
        """The error line of a command, which must have failed with a user error."""
        lines = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert self.status == 2 and len(lines) == 1 and "Traceback" not in self.err, (self.status, self.err[-3000:])
        return lines[0]


@dataclass(frozen=True)
class Desk(World):
    """A user's environment with access to the tiny world; `pins` maps each repo to NAMESPACE/NAME@COMMIT."""

    pins: dict[str, str] = field(default_factory=dict)

    def say(self, code: str) -> str:
        """The output of a Python script, which must succeed."""
        process = self.python(code)
        assert process.returncode == 0, process.stderr[-3000:]
        return process.stdout

    def session(self, commands: dict[str, list[str]], fresh: bool = False) -> dict[str, Outcome]:
        """Run `titlecraft …` commands in turn in one process; returns their outcomes by name.

        Leading arguments of the form NAME=VALUE set environment variables for that command only. With `fresh` the process
        has imported nothing beforehand, so that an outcome says whether its command needed torch.
        """
        python = sys.executable if fresh else PYTHON
        process = self.run(python, "-c", SESSION, json.dumps(commands), HF_HUB_DISABLE_XET="1")
        assert process.returncode == 0, process.stderr[-3000:]
        return {name: Outcome(*values) for name, values in json.loads(process.stdout.splitlines()[-1]).items()}


@contextmanager
def desk(root: Path) -> Iterator[Desk]:
    """A `Desk` with access to the tiny world; its Hub stops at the end of the context."""
    for name in ("world", "desk"):
        (root / name).mkdir()
    with served_world(root / "world") as world:
        environment = plain_environment(world.hub, root / "home") | {"PYTHONPATH": str(ROOT)}
        yield Desk(world.hub, root / "desk", environment, pins=world.pins)
