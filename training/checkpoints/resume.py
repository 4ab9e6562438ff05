"""The checkpoint that a training starts from: the newest one of the same training, in the work folder or on the Hub."""

from dataclasses import dataclass
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.records import Pin
from training.checkpoints.branch import BRANCH, fetch_pushed, find_pushed
from training.checkpoints.folder import Checkpoint, Run, newest

SETTING_OF_KEY = {
    "dataset": "dataset",
    "base": "base",
    "length": "base.max_length",
    "quantization": "base.quantization",
    "lora": "lora.*",
    "training": "training.*",
    "generation": "generation.*",
    "code": "code or version of a package",
    "devices": "number of devices",
    "chosen": "section `chosen` of the recipe",
}
"""Name of an input of the training's key -> what a message calls it."""


@dataclass(frozen=True)
class Unfinished:
    """An unfinished training: its newest checkpoint, and the folder or the commit that holds it."""

    checkpoint: Checkpoint
    source: Path | Pin

    def __str__(self) -> str:
        where = f"on the branch {BRANCH} of {self.source.repo}" if isinstance(self.source, Pin) else f"in {self.source}"
        return f"step {self.checkpoint.step} of {self.checkpoint.steps} ({where})"


def unfinished_runs(repo: str, work: Path) -> list[Unfinished]:
    """Unfinished trainings in the work folder and on the Hub, most steps first; of equal steps the local one first."""
    local = [newest(folder) for folder in sorted((work / "checkpoints").glob("*"))]
    unfinished = [Unfinished(checkpoint, folder) for folder, checkpoint in filter(None, local)]
    if pushed := find_pushed(repo):
        commit, checkpoint = pushed
        unfinished.append(Unfinished(checkpoint, commit))
    return sorted(unfinished, key=lambda training: -training.checkpoint.step)


def find_start(repo: str, work: Path, run: Run, resume: bool) -> None:
    """Print where training starts. With `resume`, a checkpoint on the Hub is downloaded into the work folder.

    Raises UserError if starting would discard the checkpoints of an unfinished training.
    """
    unfinished = unfinished_runs(repo, work)
    same = [training for training in unfinished if training.checkpoint.run.key == run.key]
    if unfinished and not same:
        names = run.differs_from(unfinished[0].checkpoint.run)
        settings = " and ".join(SETTING_OF_KEY.get(name, name) for name in names)
        raise UserError(
            f"an unfinished training for {repo} got to {unfinished[0]}, with another {settings}: run its own command with "
            "--resume to finish it, or add --fresh to this one to discard it"
        )
    if same and not resume:
        raise UserError(
            f"this training for {repo} was interrupted at {same[0]}: add --resume to continue it, or --fresh to start again"
        )
    if same:
        print(f"resuming after {same[0]}")
        if isinstance(same[0].source, Pin):
            fetch_pushed(same[0].source, same[0].checkpoint, work)
    elif resume:
        print("--resume: there is no checkpoint, so training starts at the first step")
