"""Where a training begins: at its first step, or at the newest checkpoint of the very same run, here or on the Hub."""

from dataclasses import dataclass
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.records import Pin
from training.checkpoints.branch import BRANCH, fetch_pushed, find_pushed
from training.checkpoints.folder import Checkpoint, Run, newest

MEANS = {"dataset": "dataset", "base": "base", "length": "base.max_length", "quantization": "base.quantization",
         "lora": "lora.*", "training": "training.*", "generation": "generation.*", "code": "code or version of a package",
         "devices": "number of devices"}  # fmt: skip


@dataclass(frozen=True)
class Unfinished:
    """A run that stopped: its newest checkpoint, and the folder or the commit that this lies in."""

    checkpoint: Checkpoint
    place: Path | Pin

    def __str__(self) -> str:
        where = f"on the branch {BRANCH} of {self.place.repo}" if isinstance(self.place, Pin) else f"in {self.place}"
        return f"step {self.checkpoint.step} of {self.checkpoint.steps} ({where})"


def unfinished_runs(repo: str, work: Path) -> list[Unfinished]:
    """What was left in the work folder and on the Hub, most steps first; of equally many the one that lies here."""
    here = [newest(folder) for folder in sorted((work / "checkpoints").glob("*"))]
    found = [Unfinished(one[1], one[0]) for one in here if one]
    pushed = find_pushed(repo)
    found += [Unfinished(pushed[1], pushed[0])] if pushed else []
    return sorted(found, key=lambda one: -one.checkpoint.step)


def where_to_begin(repo: str, work: Path, run: Run, resume: bool) -> None:
    """Say where training begins; the checkpoint to go on from, if there is one, is then in the work folder.

    Raises UserError rather than give up what was computed.
    """
    found = unfinished_runs(repo, work)
    same = [one for one in found if one.checkpoint.run.key == run.key]
    if found and not same:
        differs = " and ".join(MEANS.get(name, name) for name in run.differs_from(found[0].checkpoint.run))
        raise UserError(
            f"an unfinished training for {repo} got to {found[0]}, with another {differs}: run its own command with "
            "--resume to finish it, or add --fresh to this one to give it up"
        )
    if same and not resume:
        raise UserError(
            f"this very training for {repo} got to {same[0]} before: add --resume to go on from there, or --fresh to start again"
        )
    if same:
        print(f"going on after {same[0]}")
        if isinstance(same[0].place, Pin):
            fetch_pushed(same[0].place, same[0].checkpoint, work)
    elif resume:
        print("--resume: there is no checkpoint, so training begins with the first step")
