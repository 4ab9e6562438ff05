"""When and where the checkpoints of a training are saved."""

from dataclasses import dataclass
from pathlib import Path

from training.checkpoints.branch import BackgroundPush
from training.checkpoints.folder import Run


@dataclass(frozen=True)
class Saving:
    """When and where the checkpoints of a training are saved.

    Args:
        run: the training's key and inputs, written into each checkpoint.
        folder: holds one folder per checkpoint.
        every: steps between checkpoints; None saves one about every ten minutes, 0 saves none.
        push_every: steps between checkpoints that are pushed to the Hub; None pushes none.
        push: pushes them in a background thread; None on ranks other than 0.
        resume: folder of the checkpoint that this training resumes from.
    """

    run: Run
    folder: Path
    every: int | None = None
    push_every: int | None = None
    push: BackgroundPush | None = None
    resume: Path | None = None
