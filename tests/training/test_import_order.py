"""Unsloth patches transformers, TRL and PEFT, so `titlecraft train` must not import these before `require_backend` imports it."""

import subprocess
import sys

from tests import ROOT

CODE = """
import sys
import model_card.lineage.announce, model_card.published, training.run
print(sorted({"transformers", "trl", "peft"} & sys.modules.keys()))
"""


def test_the_entry_point_imports_no_library_that_unsloth_patches() -> None:
    process = subprocess.run([sys.executable, "-c", CODE], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert (process.returncode, process.stdout) == (0, "[]\n"), process.stderr
