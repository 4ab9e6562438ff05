"""The refs of one bare repo: loose refs only; each change is one atomic rename."""

import os
import re
from pathlib import Path

from dulwich.refs import Ref, check_ref_format

from local_hub.disk.durable import TemporaryArea, sync_folder
from local_hub.errors import BadRequest

MAIN = "refs/heads/main"
OBJECT_ID = re.compile("[0-9a-f]{40}")


def read_ref(file: Path) -> str | None:
    """The object id in the file of a ref, or None. Does not block on a named pipe. Raises OSError."""
    number = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    try:
        oid = os.read(number, 64).decode("ascii", errors="replace").strip()
    finally:
        os.close(number)
    return oid if OBJECT_ID.fullmatch(oid) else None


class Refs:
    """Maps ref names to object ids (40 hex digits). The caller holds the repo's lock when it writes."""

    def __init__(self, repo_folder: Path, temporary: TemporaryArea):
        self.folder = repo_folder
        self.temporary = temporary
        # how often a ref was deleted, or moved to a commit that is not known to descend from the old one
        self.lost = 0

    def get(self, name: str) -> str | None:
        """The object id of a full ref name such as `refs/heads/main`; None if it does not exist or is not a valid name.

        Names come from clients: one with `..` could lead to any file that this process can read.
        """
        if not check_ref_format(Ref(name.encode(errors="replace"))):
            return None
        try:
            return read_ref(self.folder / name)
        except OSError:
            return None

    def under(self, prefix: str) -> dict[str, str]:
        """Short name -> object id of all refs below a prefix such as `refs/heads/`, sorted by name."""
        start = self.folder / prefix
        refs = {}
        for folder, _, files in os.walk(start):
            for file in files:
                name = Path(folder, file).relative_to(start).as_posix()
                if oid := self.get(prefix + name):  # None: deleted meanwhile
                    refs[name] = oid
        return dict(sorted(refs.items()))

    def set(self, name: str, oid: str, *, after: str | None = None) -> None:
        """Set the ref `name` to `oid` in one step.

        `after` is the old object id if `oid` descends from it. Raises BadRequest for a ref that clashes with another
        one (`a` and `a/b`).
        """
        old = self.get(name)
        try:
            self.temporary.write(self.folder / name, f"{oid}\n".encode())
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise BadRequest(f"The ref {name!r} clashes with another ref of the repo") from None
        if after is None or after != old:
            self.lost += old is not None

    def delete(self, name: str) -> None:
        """Delete a ref and the folders that are empty after that."""
        path = self.folder / name
        path.unlink()
        self.lost += 1
        sync_folder(path.parent)
        permanent = {self.folder / "refs" / kind for kind in ("heads", "tags")} | {self.folder / "refs"}
        for parent in path.parents:
            if parent in permanent or any(parent.iterdir()):
                break
            parent.rmdir()
