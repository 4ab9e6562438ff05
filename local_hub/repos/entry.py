"""A file or folder of a repo at a revision."""

from dataclasses import dataclass

from local_hub.git.lfs_pointer import LfsPointer


@dataclass(frozen=True)
class Entry:
    """A file or folder at a revision."""

    path: str
    oid: str  # git's id of the blob or tree
    is_folder: bool
    size: int = 0  # bytes of the content: for an LFS file those of the object, not of the pointer
    lfs: LfsPointer | None = None
    pointer_size: int = 0

    @property
    def etag(self) -> str:
        """What identifies the content to clients: the sha256 of an LFS file, the git id of another."""
        return self.lfs.sha256 if self.lfs else self.oid
