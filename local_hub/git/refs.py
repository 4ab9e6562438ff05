"""The branches, tags and pull requests of one bare repo: loose refs only, each change one atomic rename."""

import os
import re
from pathlib import Path

from dulwich.refs import check_ref_format

from local_hub.disk.durable import TemporaryArea, sync_folder
from local_hub.errors import BadRequest

MAIN = "refs/heads/main"
OBJECT_ID = re.compile("[0-9a-f]{40}")


def read_ref(file: Path) -> str | None:
    """The id in a ref's file, None where there is none. Raises OSError. A pipe in its place is not waited for."""
    number = os.open(file, os.O_RDONLY | os.O_NONBLOCK)
    try:
        oid = os.read(number, 64).decode("ascii", errors="replace").strip()
    finally:
        os.close(number)
    return oid if OBJECT_ID.fullmatch(oid) else None


class Refs:
    """`name -> 40-hex object id` under one repo folder. The caller holds the repo's lock when it writes."""

    def __init__(self, repo_folder: Path, temporary: TemporaryArea):
        self.folder = repo_folder
        self.temporary = temporary
        self.lost = 0  # how often a ref was moved or deleted so that commits may have lost the last one to lead to them

    def get(self, name: str) -> str | None:
        """What a full name like `refs/heads/main` points to; None for a name that git would not allow.

        Names come from strangers: one with `..` in it would lead to any file that this process can read.
        """
        if not check_ref_format(name.encode(errors="replace")):
            return None
        try:
            return read_ref(self.folder / name)
        except OSError:
            return None

    def under(self, prefix: str) -> dict[str, str]:
        """All refs below `refs/heads/`, `refs/tags/`, …: short name -> id, sorted by name."""
        start = self.folder / prefix
        found = {}
        for folder, _, files in os.walk(start):
            for file in files:
                name = Path(folder, file).relative_to(start).as_posix()
                if oid := self.get(prefix + name):  # None: deleted while we looked
                    found[name] = oid
        return dict(sorted(found.items()))

    def set(self, name: str, oid: str, *, after: str | None = None) -> None:
        """Point `name` at `oid`: after the rename inside, every reader sees the new commit, before it the old one.

        `after` is what it pointed to, where the new commit's history holds that. Raises BadRequest when git could not
        hold both this ref and another (`a` and `a/b`).
        """
        old = self.get(name)
        try:
            self.temporary.write(self.folder / name, f"{oid}\n".encode())
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            raise BadRequest(f"The ref {name!r} clashes with another ref of the repo") from None
        if after is None or after != old:
            self.lost += old is not None

    def delete(self, name: str) -> None:
        """Remove a ref and the folders that it leaves empty."""
        path = self.folder / name
        path.unlink()
        self.lost += 1
        sync_folder(path.parent)
        kept = {self.folder / "refs" / kind for kind in ("heads", "tags")} | {self.folder / "refs"}
        for parent in path.parents:
            if parent in kept or any(parent.iterdir()):
                break
            parent.rmdir()
