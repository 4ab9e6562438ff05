"""Checkpoints in the work folder: there whole or not at all, the newest two kept, each with a list of its files' sha256.

Nothing in them is read but JSON, safetensors, and pickles with `weights_only=True`, which makes tensors and runs no code.
"""

import os
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from titlecraft.files import sync_folder
from titlecraft.models.adapter.weights import read_tensors
from titlecraft.records import File, Record, describe_file, file_sha256

CHECKPOINT = "checkpoint.json"
KEPT = 2
WEIGHTS = "adapter_model.safetensors"
NEEDED = {"adapter_config.json", WEIGHTS, "optimizer.pt", "scheduler.pt", "trainer_state.json"}
FILES = re.compile(r"adapter_config\.json|adapter_model\.safetensors|(optimizer|scheduler|scaler)\.pt|"
                   r"trainer_state\.json|rng_state(_\d+)?\.pth")  # fmt: skip


class Run(Record):
    """Which run it is: the key of its record, and a digest of each thing that the key is made of."""

    key: str
    inputs: dict[str, str]

    def differs_from(self, other: "Run") -> list[str]:
        """Names of the things that are not the same in both."""
        return sorted(name for name, value in self.inputs.items() if other.inputs.get(name) != value)


class Checkpoint(Record):
    """What a checkpoint is: `step` of `steps` optimizer steps of a run, and the files that belong to it."""

    run: Run
    step: int
    steps: int
    files: list[File]
    schema: Literal["titlecraft/checkpoint/1"] = "titlecraft/checkpoint/1"


def checkpoints_folder(work: Path, run: Run) -> Path:
    """Where the checkpoints of a run lie below its work folder: those of another run are not mixed with them."""
    return work / "checkpoints" / run.key[:16]


def read_checkpoint(raw: bytes) -> Checkpoint | None:
    """Decode checkpoint.json; None where it is none, or lists files that do not belong into a checkpoint."""
    try:
        found = msgspec.json.decode(raw, type=Checkpoint, strict=True)
    except msgspec.MsgspecError:
        return None
    names = {file.path for file in found.files}
    return found if names >= NEEDED and all(FILES.fullmatch(name) for name in names) else None


def whole(folder: Path) -> Checkpoint | None:
    """What lies in a folder, if it is a checkpoint, each of its files has its sha256, and its weights are finite."""
    file = folder / CHECKPOINT
    found = read_checkpoint(file.read_bytes()) if file.is_file() else None
    if found is None:
        return None
    there = all((folder / one.path).is_file() and file_sha256(folder / one.path) == one.sha256 for one in found.files)
    return found if there and is_finite(folder / WEIGHTS) else None


def is_finite(file: Path) -> bool:
    """Whether the weights of a checkpoint are finite: earlier versions wrote them whatever they were."""
    return not any(one.broken for one in read_tensors(file))


def newest(folder: Path) -> tuple[Path, Checkpoint] | None:
    """The whole checkpoint with the most steps in a folder of checkpoints."""
    for place in reversed(by_step(folder)):
        if found := whole(place):
            return place, found
    return None


def by_step(folder: Path) -> list[Path]:
    """Folders of checkpoints, fewest steps first."""
    found = [place for place in folder.glob("step-*") if place.name.removeprefix("step-").isdecimal()]
    return sorted(found, key=lambda place: int(place.name.removeprefix("step-")))


def seal(unfinished: Path, folder: Path, run: Run, step: int, steps: int) -> Path:
    """Turn what was written into a checkpoint below `folder` by one rename; returns where it is."""
    for file in unfinished.iterdir():
        if not FILES.fullmatch(file.name):  # model cards of PEFT and TRL
            file.unlink()
    files = [describe_file(unfinished, file) for file in sorted(unfinished.iterdir())]
    (unfinished / CHECKPOINT).write_bytes(Checkpoint(run=run, step=step, steps=steps, files=files).to_json())
    for file in unfinished.iterdir():
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
    return put(unfinished, folder, step)


def put(unfinished: Path, folder: Path, step: int) -> Path:
    """Move a complete checkpoint to its place below `folder`."""
    place = folder / f"step-{step}"
    shutil.rmtree(place, ignore_errors=True)  # of an earlier part of the run that had come further
    folder.mkdir(parents=True, exist_ok=True)
    unfinished.rename(place)
    sync_folder(folder)
    return place


def drop_old(folder: Path, in_use: Iterable[Path] = ()) -> None:
    """Delete all but the newest two, and but those in use."""
    for place in by_step(folder)[:-KEPT]:
        if place not in in_use:
            shutil.rmtree(place, ignore_errors=True)
