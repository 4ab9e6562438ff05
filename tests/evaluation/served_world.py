"""Serves the tiny world on an embedded Hub, and evaluates it in separate processes."""

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from local_hub.accounts import ensure_accounts
from local_hub.server import RunningHub, start, stop
from tests import ROOT
from tests.evaluation.published_world import write_world
from tests.warm import PYTHON

BASE, ADAPTER, ENCODER = "titlecraft/tiny-base", "titlecraft/tiny-adapter", "titlecraft/tiny-encoder"


@dataclass
class World:
    """An embedded Hub with the tiny world."""

    hub: RunningHub
    root: Path
    pins: dict[str, str]
    encoder: str = ""

    def start(self, home: str, *arguments: str, hash_seed: str = "0", fresh: bool = False) -> subprocess.Popen:
        """Start an evaluation in a process with its own Hub cache."""
        environment = os.environ | self.hub.environment(self.root / home)
        environment["PYTHONHASHSEED"] = hash_seed
        command = [sys.executable if fresh else PYTHON, "-m", "tests.evaluation.run_evaluation", *arguments]
        return subprocess.Popen(
            command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def read(self, path: str, revision: str) -> bytes:
        """The bytes of a file of the adapter repo, without any cache."""
        request = urllib.request.Request(
            f"{self.hub.url}/{ADAPTER}/resolve/{revision}/{path}", headers={"Authorization": f"Bearer {self.hub.token}"}
        )
        with urllib.request.urlopen(request) as answer:
            return answer.read()


def outcome(process: subprocess.Popen) -> dict:
    """The JSON that a started evaluation printed, with its stderr as "said"."""
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1]) | {"said": err}


def hub_with_allenai(root: Path) -> Path:
    """The root of a Hub on which everyone may also write to the benchmark's organisation."""
    root.mkdir()
    ensure_accounts(root)
    accounts = json.loads((root / "accounts.json").read_text())
    accounts["orgs"]["allenai"] = {"fullname": "AllenAI"}
    for user in accounts["users"].values():
        user["orgs"] = {"allenai": "admin"}
    (root / "accounts.json").write_text(json.dumps(accounts))
    return root


@contextmanager
def served_world(root: Path) -> Iterator[World]:
    """Yield the world while its Hub runs."""
    hub = start(hub_with_allenai(root / "hub"))
    write_world(root / "files")
    published = subprocess.run(
        [PYTHON, "-m", "tests.evaluation.published_world", str(root / "files")],
        env=os.environ | hub.environment(root / "setup"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    encoder, pins = map(json.loads, published.stdout.splitlines()[-2:])
    yield World(hub, root, pins, encoder[ENCODER])
    stop(root / "hub")
