"""Writing files so that a kill or a power cut leaves the old file or the new one, never half of either.

Everything new is first written into one temporary folder of the root (same file system, so a rename is atomic, and
whatever a crash left there is deleted at the next start), flushed to disk, then renamed into place.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import IO

from local_hub.errors import NO_ROOM, DiskFull

# repos may be private, and the Hub alone knows who may read them: other users of the machine do not
OWN, OWN_FOREVER, OWN_FOLDER = 0o600, 0o400, 0o700


class TemporaryArea:
    """The folder of unfinished files under one Hub root."""

    def __init__(self, path: Path):
        self.path = path

    def clear(self) -> None:
        """Delete what a killed server left behind; only the process that owns the root may call this."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.path.mkdir(parents=True, exist_ok=True)

    def new_folder(self) -> Path:
        """An empty folder, for a repo in the making or for the parts of an upload."""
        return Path(tempfile.mkdtemp(dir=self.path))

    def discard(self, path: Path) -> None:
        """Make `path` vanish at once (a rename into here), then free its space."""
        if os.path.lexists(path):
            grave = self.new_folder()
            path.rename(grave / path.name)
            shutil.rmtree(grave, ignore_errors=True)

    @contextmanager
    def unfinished_file(self) -> Iterator[IO[bytes]]:
        """A new file opened for reading and writing, deleted on leaving unless `publish` moved it away.

        Raises DiskFull when the block ran out of room.
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
        """Replace `target` by a file with this content; the options are those of `publish`. Raises DiskFull."""
        with self.unfinished_file() as file:
            file.write(content)
            publish(file, target, mode=mode, sync_name=sync_name, placing=placing)


@contextmanager
def room_or_disk_full() -> Iterator[None]:
    """Turn the operating system's "no space left" into DiskFull."""
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
    """Flush an unfinished file to disk and rename it to `target`; when this returns, it survives a power cut.

    Without `sync_name` it survives from the next name on that is synced: journals keep names in order. That is for files
    which nothing refers to before such a name, as git's objects before their ref. `placing` is held while the file gets
    its name.
    """
    file.flush()
    os.fchmod(file.fileno(), mode)
    os.fsync(file.fileno())
    with placing or nullcontext():
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(file.name).replace(target)
    if sync_name:
        # a repo that is deleted or renamed just now takes what was placed in it along
        with suppress(FileNotFoundError) if placing else nullcontext():
            sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
