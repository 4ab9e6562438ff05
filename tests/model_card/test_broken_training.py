"""`verify` reports NaN and infinity in a published adapter and in a training log."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from model_card.verification.level_card.training import check_adapter, check_log
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from tests.model_card.literal_records import ADAPTER, training_record

NAN, INF = float("nan"), float("inf")


def lines_of(folder: Path, weight: float, loss: float) -> dict[str, Line]:
    """The check lines of an adapter with this weight and of a log with this loss, by their claims."""
    (folder / "training_record.json").write_bytes(training_record("other").to_json())
    (folder / "adapter_config.json").write_text(
        '{"r": 16, "lora_alpha": 32, "lora_dropout": 0.05, "target_modules": []}'
    )
    (folder / "training_log.jsonl").write_text(json.dumps({"step": 200, "loss": loss}) + "\n")
    tensors = {f"a.lora_{side}.weight": torch.tensor([[1.0, weight]]) for side in "AB"}
    save_file(tensors, folder / "adapter_model.safetensors")
    state, checks = RepoState.of_folder(ADAPTER, folder), Checks("card", "training record")
    lines = [*checks.gather(check_adapter(checks, state)), *checks.gather(check_log(checks, state))]
    return {line.claim.partition(": ")[2]: line for line in lines}


def test_finite_weights_and_losses_hold(tmp_path: Path) -> None:
    lines = lines_of(tmp_path, 0.5, 2.9)
    assert lines["tensors with numbers that are not finite"].holds and lines["loss of the first tenth"].holds


@pytest.mark.parametrize("weight", [NAN, INF, -INF])
def test_non_finite_weights_do_not_hold(weight: float, tmp_path: Path) -> None:
    line = lines_of(tmp_path, weight, 2.9)["tensors with numbers that are not finite"]
    assert not line.holds and (line.derived, line.note) == ("2", "a.lora_A.weight")


@pytest.mark.parametrize("loss", [NAN, INF])
def test_a_log_that_is_not_json_does_not_hold(loss: float, tmp_path: Path) -> None:
    line = lines_of(tmp_path, 0.5, loss)["can be derived"]
    assert not line.holds and "training_log.jsonl has a line that is no JSON" in str(line.derived)
