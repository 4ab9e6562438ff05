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
        process = subprocess.run(
            [PYTHON, "-m", "tests.training.several", str(folder), what, *PACKED],
            cwd=ROOT,
            env=os.environ | hub.environment(folder / "home"),
            capture_output=True,
            text=True,
            timeout=290,
        )
    finally:
        stop(folder / "hub")
    assert process.returncode == 0, process.stderr
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.slow
def test_two_processes_equal_one_with_twice_the_batch(tmp_path: Path) -> None:
    result = in_several(tmp_path, "compare")
    assert result["apart"] < 2e-5 < 1e-3 * result["largest"]  # sums in another order; 2e-6 was seen
    # 4 steps of 2 x 2 x 2 rows, several examples in each
    assert result["one"] == result["two"] and result["two"][0] > 32
    assert result["losses"][0] == result["losses"][1]
    alone, together = result["validations"]
    assert alone[0] == together[0] and alone == pytest.approx(together, abs=2e-5) and len(alone) == 3
    assert result["devices"] == [1, 2]
    assert result["resumed"] is True and result["parts"] == 2  # bit for bit
    assert result["commits"] == 2 and result["said"] == 1  # the repo's first one, and the training's
    assert result["events"] == 1 and set(result["files"]) == {
        ".gitattributes",
        "README.md",
        "SHA256SUMS",
        "adapter_config.json",
        "adapter_model.safetensors",
        "assets/lineage.png",
        "assets/training_loss.png",
        "chat_template.jinja",
        "prompt.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "training_log.jsonl",
        "training_record.json",
    }
    assert "is for one GPU: use --training.backend=trl" in result["unsloth"] and "Traceback" not in result["unsloth"]


@pytest.mark.slow
def test_a_sharded_base_gives_the_same_adapter_bit_for_bit(tmp_path: Path) -> None:
    result = in_several(tmp_path, "share")
    assert result["same"] and result["resumed"] and result["parts"] == 2
    assert result["moved"] > 1e-3 and result["quantization"] == "nf4"
    assert result["losses"][0] == result["losses"][1]
    assert result["checks"][0] == result["checks"][1] and len(result["checks"][1]) == 12
    [base, kernels] = result["said"]
    assert base.startswith("base shared out between 2 processes: ")
    assert "loss over answers, " in kernels and "layers fused with their adapters" in kernels
    assert (
        "training.shard_base shares the base out between processes, one for each GPU, and there is one"
        in result["alone"]
    )
    assert "Traceback" not in result["alone"]
