"""The LFS objects of one repo, stored by sha256 in the layout of git-lfs."""

import hashlib
import os
import shutil
from pathlib import Path
from typing import IO

from local_hub.disk.durable import OWN_FOREVER, TemporaryArea, publish, sync_folder
from local_hub.errors import BadRequest
from local_hub.git.lfs_pointer import LfsPointer
from local_hub.repos.lock import RepoLock

_COPY_BYTES = 4 * 2**20


class LfsObjects:
    """The folder `repo.git/lfs/objects/ab/cd/`. Every repo has its own, so access follows the rights of the repo."""

    def __init__(self, repo_folder: Path, temporary: TemporaryArea, lock: RepoLock):
        self.folder = repo_folder / "lfs" / "objects"
        self.temporary = temporary
        self.lock = lock

    def path(self, sha256: str) -> Path:
        """The path of an object, stored or not. Raises BadRequest for an invalid sha256."""
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            raise BadRequest(f"Invalid LFS oid {sha256[:80]!r}: expected 64 hexadecimal digits")
        return self.folder / sha256[:2] / sha256[2:4] / sha256

    def size(self, sha256: str) -> int | None:
        """Size of the object in bytes, None if it is not stored."""
        try:
            return self.path(sha256).stat().st_size
        except FileNotFoundError:
            return None

    def beginning(self, blob: bytes, most: int) -> bytes:
        """The first `most` bytes of a blob, or of the stored object if the blob is an LFS pointer."""
        pointer = LfsPointer.parse(blob)
        if pointer is None or self.size(pointer.sha256) is None:
            return blob[:most]
        with self.path(pointer.sha256).open("rb") as file:
            return file.read(most)

    def accept(self, file: IO[bytes], digest: str, expected: LfsPointer) -> None:
        """Store an unfinished file whose sha256 is `digest`.

        Raises BadRequest if it is not the object `expected`, RepoGone if the repo was deleted or renamed meanwhile.
        """
        size = file.seek(0, os.SEEK_END)
        if digest != expected.sha256 or size != expected.size:
            raise BadRequest(
                f"Upload does not match: expected sha256 {expected.sha256} and {expected.size} bytes, "
                f"received sha256 {digest} and {size} bytes"
            )
        publish(file, self.path(expected.sha256), mode=OWN_FOREVER, placing=self.lock.placing())

    def store(self, content: bytes) -> LfsPointer:
        """Store content from memory and return its pointer."""
        pointer = LfsPointer(hashlib.sha256(content).hexdigest(), len(content))
        if self.size(pointer.sha256) is None:
            self.temporary.write(self.path(pointer.sha256), content, mode=OWN_FOREVER, placing=self.lock.placing())
        return pointer

    def take_from(self, other: "LfsObjects", sha256: str) -> None:
        """Store an object of another repo as a hard link, or as a copy if links are not possible. Raises RepoGone."""
        target = self.path(sha256)
        if target.exists():
            return
        try:
            with self.lock.placing():
                target.parent.mkdir(parents=True, exist_ok=True)
                os.link(other.path(sha256), target)
            sync_folder(target.parent)
        except FileExistsError:
            return
        except OSError:
            with other.path(sha256).open("rb") as source, self.temporary.unfinished_file() as file:
                shutil.copyfileobj(source, file, _COPY_BYTES)
                publish(file, target, mode=OWN_FOREVER, placing=self.lock.placing())

    def delete(self, sha256: str) -> None:
        """Delete the object if it is stored."""
        self.path(sha256).unlink(missing_ok=True)

    def refuse_bad_pointer(self, path: str, content: bytes) -> None:
        """Raises BadRequest if `content` is an LFS pointer and no such object is stored."""
        if LfsPointer.is_impossible(content):
            raise BadRequest(f"{path}: this LFS pointer names a size that no file can have")
        self.refuse_missing_object(path, LfsPointer.parse(content))

    def refuse_missing_object(self, path: str, pointer: LfsPointer | None) -> None:
        """Raises BadRequest if the object of a pointer is not stored; None stands for a file that is not a pointer."""
        if pointer is None:
            return
        stored = self.size(pointer.sha256)
        if stored is None:
            raise BadRequest(f"LFS pointer pointed to a file that does not exist: {path} ({pointer.sha256})")
        if stored != pointer.size:
            raise BadRequest(f"{path}: the LFS pointer says {pointer.size} bytes, {pointer.sha256} has {stored} bytes")
