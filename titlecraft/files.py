"""Files written atomically, and files compared with their records."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from titlecraft.records.base import File, file_sha256


def write_atomically(target: Path, content: bytes, temporary_folder: Path, *, sync_name: bool = True) -> None:
    """Write `content` to a temporary file, flush it to disk and rename it to `target`.

    Args:
        target: the file to create or replace; only its owner may read it.
        content: all of its bytes.
        temporary_folder: an existing folder on the same file system. A killed process may leave a file there.
        sync_name: also flush the folder of `target`, so that the name survives a power cut. Without it a power cut may
            lose the new file, but never leaves a part of it.
    """
    with NamedTemporaryFile(dir=temporary_folder, delete=False) as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
        Path(file.name).replace(target)
    if sync_name:
        sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in `folder` to disk, so that files created or renamed there survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_unchanged(folder: Path, file: File) -> bool:
    """Whether a recorded file exists in the folder with its sha256."""
    path = folder / file.path
    return path.is_file() and file_sha256(path) == file.sha256
