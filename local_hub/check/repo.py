"""Checks one repo on disk: settings, refs, every reachable object, large files, discussions.

It only reads and takes no lock, so a Hub may be running: refs are read first, and a Hub writes objects before refs.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dulwich.objects import Blob, Commit, Tag, Tree

from local_hub.community.discussions import read_discussion
from local_hub.disk.durable import TemporaryArea
from local_hub.disk.set_aside import is_remnant
from local_hub.errors import DamagedRepo
from local_hub.git.lfs_pointer import LfsPointer
from local_hub.git.objects import GitObjects
from local_hub.git.refs import MAIN, read_ref
from local_hub.repos.lfs_objects import LfsObjects
from local_hub.repos.lock import RepoLock
from local_hub.repos.settings import RepoSettings
from local_hub.untrusted.data import BadData

_TYPE_NAMES = {Commit.type_num: b"commit", Tree.type_num: b"tree", Blob.type_num: b"blob", Tag.type_num: b"tag"}


@dataclass(frozen=True)
class Damage:
    """A file or folder that cannot be read. If `path` is removed, the rest of the repo can be served."""

    path: Path
    reason: str


def damages_of_repo(folder: Path) -> list[Damage]:
    """All damages of the repo in `folder`; a single one, of the folder itself, if the repo cannot be served at all.

    A damage must be found twice, because a repo that is being replaced seems damaged for a moment.
    """
    return _damages(folder) and _damages(folder)


def _damages(folder: Path) -> list[Damage]:
    reason = _why_not_a_repo(folder)
    if reason is not None:
        return [Damage(folder, reason)] if os.path.lexists(folder) else []  # else it was deleted meanwhile
    damages = list(_damages_inside(folder))
    of_the_folder = [damage for damage in damages if damage.path == folder]
    return (of_the_folder[:1] or damages) if os.path.lexists(folder) else []


def _why_not_a_repo(folder: Path) -> str | None:
    if not folder.is_dir():
        return "a link that leads nowhere" if folder.is_symlink() else "it is no folder"
    if is_remnant(folder):
        return "it is no repo: it has neither settings nor HEAD nor refs"
    try:
        RepoSettings.load(folder)
    except OSError as error:
        return f"its hub.json cannot be read ({error.strerror})"
    except BadData as error:
        return f"its hub.json is not valid: {error}"
    for name in ("HEAD", "objects", "refs"):
        if not (folder / name).exists():
            return f"its {name} is missing"
    return None if _leads_to_a_branch(folder / "HEAD") else "its HEAD names no branch"


def _leads_to_a_branch(head: Path) -> bool:
    """Return True if HEAD names a branch. Only `git clone` needs it."""
    try:
        return head.is_file() and head.read_bytes().startswith(b"ref: refs/heads/")
    except OSError:
        return False


def _damages_inside(folder: Path) -> Iterator[Damage]:
    refs, main = dict(_ref_files(folder)), folder / MAIN
    if main not in refs:
        yield Damage(folder, "its branch main is missing")
    walk = _Walk(folder)
    for file in sorted(refs, key=lambda file: file != main):
        oid, name = refs[file], file.relative_to(folder).as_posix()
        whole_or_ref = folder if file == main else file
        if oid is None:
            yield Damage(whole_or_ref, f"its {name} holds no commit id")
            continue
        try:
            walk.read_all_from(oid)
        except DamagedRepo as error:
            yield Damage(whole_or_ref, f"{error.reason}, which {name} needs")
    yield from walk.bad_large_files
    for file in sorted((folder / "discussions").glob("*.json")):
        try:
            read_discussion(file)
        except FileNotFoundError:
            continue
        except (OSError, BadData) as error:
            yield Damage(file, f"its discussion {file.stem} cannot be read: {error}")


def _ref_files(folder: Path) -> Iterator[tuple[Path, str | None]]:
    """(file, object id or None) of every ref."""
    for directory, _, names in os.walk(folder / "refs"):
        for name in names:
            try:
                yield Path(directory, name), read_ref(Path(directory, name))
            except FileNotFoundError:
                if Path(directory, name).is_symlink():
                    yield Path(directory, name), None
            except OSError:
                yield Path(directory, name), None


class _Walk:
    """Reads each object once for all refs. A damaged object is reported for every ref that needs it."""

    def __init__(self, folder: Path):
        self.objects = GitObjects(folder / "objects", TemporaryArea(folder))
        self.lfs = LfsObjects(folder, TemporaryArea(folder), RepoLock())
        self.sound: set[str] = set()
        self.bad_large_files: list[Damage] = []

    def read_all_from(self, start: str) -> None:
        """Read all objects that `start` leads to. Raises DamagedRepo for the first that is missing or does not match its id."""
        todo, read = [start], set()
        while todo:
            oid = todo.pop()
            if oid in self.sound or oid in read:
                continue
            read.add(oid)
            todo += self._read(oid)
        self.sound |= read

    def _read(self, oid: str) -> list[str]:
        """The ids of the objects that this object refers to."""
        number, content = self.objects.read(oid)
        header = b"%s %d\0" % (_TYPE_NAMES.get(number, b"?"), len(content))
        if hashlib.sha1(header + content, usedforsecurity=False).hexdigest() != oid:
            raise DamagedRepo(f"its object {oid} holds something else than its id says")
        if number == Blob.type_num:
            self._check_large_file(content)
            return []
        if number == Tree.type_num:
            return [item.oid for item in self.objects.tree(oid)]
        commit = self.objects.commit(oid)
        if number == Tag.type_num:
            return [commit.id.decode()]
        return [commit.tree.decode(), *(parent.decode() for parent in commit.parents)]

    def _check_large_file(self, content: bytes) -> None:
        """Record a large file of the wrong size as damaged. A missing one may have been deleted through the API."""
        pointer = LfsPointer.parse(content)
        stored = self.lfs.size(pointer.sha256) if pointer else None
        if pointer is not None and stored not in (None, pointer.size):
            path = self.lfs.path(pointer.sha256)
            reason = f"its large file {pointer.sha256} has {stored:,} bytes, not {pointer.size:,}"
            self.bad_large_files.append(Damage(path, reason))
