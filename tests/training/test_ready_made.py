"""A base published in 4 bit, such as that of the seed recipe, is loaded as published."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from local_hub.server import start, stop
from tests import ROOT
from tests.warm import PYTHON
from titlecraft.models.base.model import four_bit_fault

pytestmark = pytest.mark.slow


@pytest.mark.skipif(bool(four_bit_fault()), reason="needs 4-bit kernels")
def test_a_base_published_in_4_bit_equals_one_quantised_at_loading(tmp_path: Path) -> None:
    hub = start(tmp_path / "hub")
    try:
        process = subprocess.run(
            [PYTHON, "-m", "tests.training.ready_made", str(tmp_path)],
            env=os.environ | hub.environment(tmp_path / "home"),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=240,
        )
    finally:
        stop(tmp_path / "hub")
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout.splitlines()[-1]) == {
        "loaded": ["nf4", "nf4"],
        "layer": "Linear4bit",
        "apart": 0.0,
    }
