"""Moves damaged files to `ROOT/set-aside`, which nothing reads. Nothing is deleted."""

import os
from pathlib import Path

from local_hub.disk.durable import sync_folder

FOLDER = "set-aside"


def set_aside(root: Path, path: Path) -> Path:
    """Move `path`, which is below `root`, to the same relative path below `ROOT/set-aside`; return the new path."""
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
    """Return True for a folder without settings, HEAD and refs: it never was a repo, or a delete left it."""
    if folder.is_symlink() or not folder.is_dir():
        return False
    return not any(os.path.lexists(folder / name) for name in ("hub.json", "HEAD", "refs"))
