"""The recipes of families: each plans a training on a tiny base of its family, in the family's own chat template."""

import json
import os
import subprocess
from pathlib import Path

from local_hub.server import start, stop
from tests import ROOT
from tests.tiny_chat import TEMPLATES
from tests.training.planning.planned_families import OTHERS, RECIPES
from tests.warm import PYTHON
from titlecraft.settings import SEVEN_PROJECTIONS


def test_each_recipe_plans_a_base_of_its_family(tmp_path: Path) -> None:
    environment = os.environ | start(tmp_path / "hub").environment(tmp_path / "home")
    try:
        done = subprocess.run(
            [PYTHON, "-m", "tests.training.planning.planned_families", str(tmp_path)], env=environment, cwd=ROOT,
            capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    finally:
        stop(tmp_path / "hub")
    assert done.returncode == 0, done.stderr[-3000:]
    plans = json.loads(done.stdout.splitlines()[-1])
    others = {family: plans.pop(family) for family in OTHERS}
    assert plans.keys() == RECIPES.keys()
    for family, plan in plans.items():
        prompt = plan["prompt"]["prompt"]
        assert plan["problems"] == [], family
        assert (prompt["format"], prompt["stop"]) == ("chat", TEMPLATES[RECIPES[family]][2])
        assert plan["prompt"]["reason"] == f"titlecraft/tiny-{family} has a chat template"
        assert plan["targets"] == list(SEVEN_PROJECTIONS)
        assert plan["packed_rows"] and plan["steps"] == 200 and plan["trainable_parameters"] > 0
    assert "keeps no keys and values of earlier tokens" in others.pop("mamba") and "set base.repo to" in done.stdout
    for family, plan in others.items():
        assert plan["problems"] == [] and plan["trainable_parameters"] > 0, family
    assert others["falcon"]["targets"] != others["stablelm"]["targets"] and "Wqkv" in others["mpt"]["targets"]
