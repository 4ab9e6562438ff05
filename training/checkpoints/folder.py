"""Checkpoints in the work folder: complete or absent, the newest two kept, each with the sha256 of its files.

Only JSON, safetensors and pickles loaded with `weights_only=True` are read from them; none of these runs code.
"""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from titlecraft.files import is_unchanged, sync_folder
from titlecraft.models.adapter.weights import read_tensors
from titlecraft.records import File, Record, describe_file
from titlecraft.records.repo_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS

CHECKPOINT = "checkpoint.json"
KEPT = 2
REQUIRED = {ADAPTER_CONFIG, ADAPTER_WEIGHTS, "optimizer.pt", "scheduler.pt", "trainer_state.json"}
ALLOWED = re.compile(
    r"adapter_config\.json|(adapter_model|best_adapter)\.safetensors|(optimizer|scheduler|scaler)\.pt|trainer_state\.json|rng_state(_\d+)?\.pth"
)


class Run(Record, frozen=True):
    """Identity of a training: its key, and a sha256 of each input that the key is made of."""

    key: str
    inputs: dict[str, str]

    def differs_from(self, other: "Run") -> list[str]:
        """Names of the inputs that differ, sorted."""
        return sorted(name for name, value in self.inputs.items() if other.inputs.get(name) != value)


class Checkpoint(Record, frozen=True):
    """checkpoint.json: `step` of `steps` optimizer steps of a training, and the checkpoint's files."""

    run: Run
    step: int
    steps: int
    files: list[File]
    schema: Literal["titlecraft/checkpoint/1"] = "titlecraft/checkpoint/1"


def checkpoints_folder(work: Path, run: Run) -> Path:
    """Folder for the checkpoints of one training, below the work folder of the target repo."""
    return work / "checkpoints" / run.key[:16]


def read_checkpoint(raw: bytes) -> Checkpoint | None:
    """Decode checkpoint.json; None if it is malformed, or lists files that a checkpoint does not have."""
    try:
        checkpoint = msgspec.json.decode(raw, type=Checkpoint, strict=True)
    except msgspec.MsgspecError:
        return None
    names = {file.path for file in checkpoint.files}
    return checkpoint if names >= REQUIRED and all(ALLOWED.fullmatch(name) for name in names) else None


def load_if_complete(folder: Path) -> Checkpoint | None:
    """The checkpoint in a folder, or None if a file is missing, a sha256 differs, or a weight is not finite."""
    file = folder / CHECKPOINT
    checkpoint = read_checkpoint(file.read_bytes()) if file.is_file() else None
    if checkpoint is None or not all(is_unchanged(folder, listed) for listed in checkpoint.files):
        return None
    return checkpoint if is_finite(folder / ADAPTER_WEIGHTS) else None


def is_finite(file: Path) -> bool:
    """Whether all weights of a checkpoint are finite. Earlier versions saved checkpoints without checking."""
    return not any(tensor.broken for tensor in read_tensors(file))


def newest(folder: Path) -> tuple[Path, Checkpoint] | None:
    """The complete checkpoint with the most steps, and its folder."""
    for path in reversed(by_step(folder)):
        if checkpoint := load_if_complete(path):
            return path, checkpoint
    return None


def by_step(folder: Path) -> list[Path]:
    """Folders of checkpoints, fewest steps first."""
    paths = [path for path in folder.glob("step-*") if path.name.removeprefix("step-").isdecimal()]
    return sorted(paths, key=lambda path: int(path.name.removeprefix("step-")))


def seal(unfinished: Path, folder: Path, run: Run, step: int, steps: int) -> Path:
    """Complete a checkpoint that the trainer wrote and move it into place; returns its new path."""
    for file in unfinished.iterdir():
        if not ALLOWED.fullmatch(file.name):  # model cards of PEFT and TRL
            file.unlink()
    files = [describe_file(unfinished, file) for file in sorted(unfinished.iterdir())]
    (unfinished / CHECKPOINT).write_bytes(Checkpoint(run=run, step=step, steps=steps, files=files).to_json())
    for file in unfinished.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    return move_into_place(unfinished, folder, step)


def move_into_place(unfinished: Path, folder: Path, step: int) -> Path:
    """Move a complete checkpoint to `folder`/step-N by one rename; returns its new path."""
    path = folder / f"step-{step}"
    shutil.rmtree(path, ignore_errors=True)  # of an earlier part of the run that was further on
    folder.mkdir(parents=True, exist_ok=True)
    unfinished.rename(path)
    sync_folder(folder)
    return path


def drop_old(folder: Path, in_use: Iterable[Path] = ()) -> None:
    """Delete all checkpoints but the newest two and those in use."""
    for path in by_step(folder)[:-KEPT]:
        if path not in in_use:
            shutil.rmtree(path, ignore_errors=True)
