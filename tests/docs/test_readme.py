"""The README: at most 900 words, its table of GPUs is the planner's, its links have targets and its figures those of the results."""

import json
import re
from importlib.util import module_from_spec, spec_from_file_location
from typing import Any

from tests import ROOT, present
from titlecraft.command_line.main import VERBS
from titlecraft.command_line.recipe_options import recipe_folders

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_length() -> None:
    assert len(README.split()) <= 900


def test_table_of_gpus_is_the_planners() -> None:
    spec = present(spec_from_file_location("gpus", ROOT / "docs" / "gpus.py"))
    gpus: Any = module_from_spec(spec)
    present(spec.loader).exec_module(gpus)
    assert gpus.current(README) == README, "run: python docs/gpus.py"
    assert "measured" in gpus.table() and "estimated" in gpus.table()


def test_links_have_targets() -> None:
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if not link.startswith("http")]
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_verbs_and_recipes_exist() -> None:
    assert set(re.findall(r"(?:^|`)titlecraft ([a-z]+)", README, re.MULTILINE)) <= set(VERBS)
    known = {file.stem for folder in recipe_folders() for file in folder.glob("*.yaml")}
    assert set(re.findall(r"--recipe ([a-z-]+)", README)) <= known


def test_speed_is_that_of_the_results() -> None:
    bars = json.loads((ROOT / "benchmarks" / "results" / "training.json").read_bytes())["bars"]
    times = next(bar["value"] for bar in bars if bar["name"] == "x_unsloth_seed")
    assert f"train {times:.0f} times as many rows a second" in README.replace("\n", " ")


def test_licence_is_the_one_of_the_metadata() -> None:
    assert 'license = "Apache-2.0"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    licence = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in licence and "The Titlecraft authors" in licence
