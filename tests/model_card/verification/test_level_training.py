"""Level training: what is said of an adapter that was trained again, without training one."""

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from model_card.verification import level_training
from model_card.verification.level_training import HOURS, recipe_of, verify_training_again
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from tests.model_card.verification.level_card.literal_repos import adapter
from titlecraft.errors import UserError
from titlecraft.records import TrainingRecord, current_code
from training.run import PACKAGES

WEIGHTS, LOG = "adapter_model.safetensors", "training_log.jsonl"


def lines_of(
    folder: Path, monkeypatch: pytest.MonkeyPatch, published: Any, again: Any, hours: float = HOURS, **changes: Any
) -> list[Line]:
    """The lines about an adapter; `published` and `again` change the factors B of the two trainings."""
    (folder / "repo").mkdir()
    state = adapter(folder / "repo")
    device = changes.pop("device", "cpu")
    measured = msgspec.structs.replace(state.training.measured, device=device, devices=changes.pop("devices", 1))
    code = changes.pop("code", current_code("training", *PACKAGES))
    record = msgspec.structs.replace(state.training, code=code, measured=measured, memory_note=None, **changes)
    rng = np.random.default_rng(4)
    true = {
        name: rng.normal(size=tensor.shape).astype(np.float32) if "lora_B" in name else tensor
        for name, tensor in load_file(state.folder / WEIGHTS).items()
    }
    save_file(
        {name: published(tensor) if "lora_B" in name else tensor for name, tensor in true.items()},
        state.folder / WEIGHTS,
    )
    (state.folder / "training_record.json").write_bytes(record.to_json())

    def train_again(state: RepoState, folder: Path) -> TrainingRecord:
        if again is None:
            raise UserError("training.backend unsloth needs a CUDA GPU and there is none")
        folder.mkdir(parents=True)
        save_file(
            {name: again(tensor) if "lora_B" in name else tensor for name, tensor in true.items()}, folder / WEIGHTS
        )
        (folder / LOG).write_bytes((state.folder / LOG).read_bytes())
        return msgspec.structs.replace(record, measured=msgspec.structs.replace(measured, device="cpu"))

    monkeypatch.setattr(level_training, "train_again", train_again)
    monkeypatch.setattr(level_training, "expected_seconds", lambda record: 4000.0 if hours < 1 else 0.0)
    return verify_training_again(RepoState.of_folder(state.pin, state.folder), hours)


def verdict(lines: list[Line]) -> str:
    verdicts = {str(line.verdict) for line in lines}
    return next(name for name in ("does not hold", "could not be looked at", "holds") if name in verdicts)


def same(tensor: np.ndarray) -> np.ndarray:
    return tensor


def a_bit(tensor: np.ndarray) -> np.ndarray:
    """The same weights but for the last bit of one."""
    changed = tensor.copy()
    changed.flat[0] = np.nextafter(changed.flat[0], np.float32(9))
    return changed


def another(tensor: np.ndarray) -> np.ndarray:
    return np.random.default_rng(tensor.size).normal(size=tensor.shape).astype(np.float32)


def drifted(tensor: np.ndarray) -> np.ndarray:
    return tensor + another(tensor)


GPU = {"device": "NVIDIA H100 80GB HBM3"}


@pytest.mark.parametrize(
    ("published", "changes", "expected"),
    [
        (same, {}, "holds"),
        (a_bit, {}, "does not hold"),
        (another, {}, "does not hold"),
        (same, GPU, "holds"),
        (a_bit, GPU, "holds"),
        (drifted, GPU, "could not be looked at"),
        (another, GPU, "does not hold"),
        (np.negative, GPU, "does not hold"),
        (same, {"devices": 8}, "could not be looked at"),
    ],
)
def test_weights_are_compared_by_bits_here_and_by_their_direction_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: Any, changes: dict[str, Any], expected: str
) -> None:
    lines = lines_of(tmp_path, monkeypatch, published, same, 2.0, **changes)
    assert verdict(lines) == expected, lines


def test_a_long_training_is_one_line_with_its_cost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = lines_of(tmp_path, monkeypatch, same, same)
    assert line.verdict == "could not be looked at"
    assert "about 67 minutes here: ask for it with --hours 1.2" in line.derived and "by its record" in str(line.note)


def test_a_backend_that_is_not_here_is_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = lines_of(tmp_path, monkeypatch, same, None, 2.0)
    assert line.verdict == "could not be looked at" and "unsloth needs a CUDA GPU" in line.derived


def test_the_recipe_of_a_record_gives_its_key(tmp_path: Path) -> None:
    state = adapter(tmp_path)
    record, recipe = state.training, recipe_of(state.training)
    assert (recipe.training, recipe.base.repo, recipe.base.revision) == (
        record.training,
        record.base.repo,
        record.base.revision,
    )
    assert recipe.lora == record.key_inputs().lora
