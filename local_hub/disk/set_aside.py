"""Moving what is damaged out of the way: into a folder beside the repos, where nothing reads it and nothing is deleted."""

import os
from pathlib import Path

from local_hub.disk.durable import sync_folder

FOLDER = "set-aside"


def set_aside(root: Path, path: Path) -> Path:
    """Move `path`, which lies below the Hub's root, to the same place below `ROOT/set-aside`; where it lies then."""
    wanted = root / FOLDER / path.relative_to(root)
    wanted.parent.mkdir(parents=True, exist_ok=True)
    target, number = wanted, 1
    while os.path.lexists(target):
        number += 1
        target = wanted.with_name(f"{wanted.name}.{number}")
    path.rename(target)
    sync_folder(target.parent)
    sync_folder(path.parent)
    return target


def is_remnant(folder: Path) -> bool:
    """True for a folder that was never a repo or is what a delete left: neither settings nor HEAD nor refs."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return not any(os.path.lexists(folder / name) for name in ("hub.json", "HEAD", "refs"))
