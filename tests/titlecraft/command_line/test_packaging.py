"""Wheel and sdist build, and the wheel's command runs outside the checkout with its recipes and templates."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tests import ROOT

pytest.importorskip("hatchling")
ROOMS = ("titlecraft", "local_hub", "dataset_builder", "training", "evaluation", "model_card", "playground")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=ROOT, check=True, timeout=120)
    return folder


def test_command_of_the_wheel_runs_outside_the_checkout(dist: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        wheel.extractall(tmp_path / "site")
        names = set(wheel.namelist())
    shown = subprocess.run(
        [sys.executable, "-P", "-m", "titlecraft.command_line.main", "recipes"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown.returncode == 0, shown.stderr
    assert f"files: {tmp_path / 'site' / 'titlecraft' / 'recipes'}" in shown.stdout and "full-epoch" in shown.stdout
    kinds = (".py", ".jinja", ".toml", ".json", ".css", ".js", ".bib", ".tsv", ".txt")
    tracked = subprocess.run(["git", "ls-files", *ROOMS], cwd=ROOT, capture_output=True, text=True, check=True)
    assert {name for name in tracked.stdout.split() if name.endswith(kinds)} - names == set()
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


def test_metadata_has_licence_and_description(dist: Path) -> None:
    with tarfile.open(next(dist.glob("*.tar.gz"))) as sdist:
        names = [name.partition("/")[2] for name in sdist.getnames()]
    assert {"LICENSE", "README.md", "recipes/seed.yaml", "titlecraft/command_line/main.py"} <= set(names)
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        metadata = wheel.read(next(name for name in wheel.namelist() if name.endswith("METADATA"))).decode()
    assert "License-Expression: Apache-2.0" in metadata and "# Titlecraft" in metadata
