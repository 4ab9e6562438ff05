"""Atomic writes: a kill or a power cut leaves the old file or the new one, never a part.

New files are written into one temporary folder of the root, flushed to disk and renamed into place. The folder is on
the same file system, so the rename is atomic, and it is emptied at the next start.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

from local_hub.errors import NO_ROOM, DiskFull

# only the Hub decides who may read a repo, so other users of this machine have no access to its files
OWN, OWN_FOREVER, OWN_FOLDER = 0o600, 0o400, 0o700


class TemporaryArea:
    """The folder of unfinished files in one root folder."""

    def __init__(self, path: Path):
        self.path = path

    def clear(self) -> None:
        """Delete what a killed server left. Only the process that holds the lock of the root may call this."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True, exist_ok=True)

    def new_folder(self) -> Path:
        """Create an empty folder, for a new repo or the parts of an upload."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def discard(self, path: Path) -> None:
        """Remove `path` with one rename, then free its space."""
        if os.path.lexists(path):
            grave = self.new_folder()
            path.rename(grave / path.name)
            shutil.rmtree(grave, ignore_errors=True)

    @contextmanager
    def unfinished_file(self) -> Iterator[IO[bytes]]:
        """Open a new file for reading and writing; it is deleted at the end of the block unless `publish` moved it.

        Raises DiskFull if the block ran out of disk space.
        """
        with room_or_disk_full():
            file = tempfile.NamedTemporaryFile(dir=self.path, delete=False)  # noqa: SIM115 (closed below)
            try:
                with file:
                    yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    def write(
        self,
        target: Path,
        content: bytes,
        *,
        mode: int = OWN,
        sync_name: bool = True,
        placing: AbstractContextManager[None] | None = None,
    ) -> None:
        """Replace `target` by a file with this content. The options are those of `publish`. Raises DiskFull."""
        with self.unfinished_file() as file:
            file.write(content)
            publish(file, target, mode=mode, sync_name=sync_name, placing=placing)


@contextmanager
def room_or_disk_full() -> Iterator[None]:
    """Raise DiskFull for an OSError that means that there is no disk space."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise DiskFull from error
        raise


def publish(
    file: IO[bytes],
    target: Path,
    *,
    mode: int = OWN,
    sync_name: bool = True,
    placing: AbstractContextManager[None] | None = None,
) -> None:
    """Flush an unfinished file to disk and rename it to `target`. After that it survives a power cut.

    Args:
        file: a file of `TemporaryArea.unfinished_file`.
        target: its place.
        mode: its permissions.
        sync_name: also flush the folder. Without it the name survives once a later name is flushed, because journals
            keep the order. That is enough for files to which nothing refers before, such as git objects before their ref.
        placing: a context manager that is held during the rename.
    """
    file.flush()
    os.fchmod(file.fileno(), mode)
    os.fsync(file.fileno())
    with placing or nullcontext():
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(file.name).replace(target)
    if sync_name:
        # a concurrent delete or rename of the repo takes the file along
        with suppress(FileNotFoundError) if placing else nullcontext():
            sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Flush the names in `folder` to disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
