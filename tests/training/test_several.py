"""`torchrun` with two processes on the CPU trains the same adapter as one process, and publishes once."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from local_hub.server import start, stop
from tests import ROOT
from tests.warm import PYTHON

PACKED = ["--training.packing=true", "--training.fused_kernels=true", "--base.max_length=512"]


def in_several(folder: Path, what: str) -> dict[str, Any]:
    """The output of tests/training/several.py on a new Hub."""
    hub = start(folder / "hub")
    try:
        done = subprocess.run(
            [PYTHON, "-m", "tests.training.several", str(folder), what, *PACKED],
            cwd=ROOT,
            env=os.environ | hub.environment(folder / "home"),
            capture_output=True,
            text=True,
            timeout=290,
        )
    finally:
        stop(folder / "hub")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_batch(tmp_path: Path) -> None:
    found = in_several(tmp_path, "compare")
    assert found["apart"] < 2e-5 < 1e-3 * found["largest"]  # sums in another order; 2e-6 was seen
    assert found["one"] == found["two"] and found["two"][0] > 32  # 4 steps of 2 x 2 x 2 rows, several examples in each
    assert found["losses"][0] == found["losses"][1]
    assert found["devices"] == [1, 2]
    assert found["resumed"] is True and found["parts"] == 2  # bit for bit
    assert found["commits"] == 2 and found["said"] == 1  # the repo's first one, and the training's
    assert found["events"] == 1 and set(found["files"]) == {
        ".gitattributes",
        "README.md",
        "SHA256SUMS",
        "adapter_config.json",
        "adapter_model.safetensors",
        "assets/lineage.png",
        "assets/training_loss.png",
        "prompt.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "training_log.jsonl",
        "training_record.json",
    }
    assert "is for one GPU: use --training.backend=trl" in found["unsloth"] and "Traceback" not in found["unsloth"]


@pytest.mark.slow
def test_a_sharded_base_gives_the_same_adapter_bit_for_bit(tmp_path: Path) -> None:
    found = in_several(tmp_path, "share")
    assert found["same"] and found["resumed"] and found["parts"] == 2
    assert found["moved"] > 1e-3 and found["quantization"] == "nf4"
    assert found["losses"][0] == found["losses"][1]
    assert found["checks"][0] == found["checks"][1] and len(found["checks"][1]) == 12
    [base, kernels] = found["said"]
    assert base.startswith("base shared out between 2 processes: ")
    assert "loss over answers only: the base is shared out between GPUs" in kernels
    assert (
        "training.shard_base shares the base out between processes, one for each GPU, and there is one"
        in found["alone"]
    )
    assert "Traceback" not in found["alone"]
