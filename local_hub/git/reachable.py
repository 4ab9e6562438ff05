"""The objects that are reachable from the branches, tags and pull requests of a repo.

Other objects (squashed away, or of a deleted branch) may stay on disk, in packs with reachable ones. Nobody can read
them by their id, and a duplicate of the repo does not contain them.
"""

import threading
from collections.abc import Iterable
from contextlib import suppress

from local_hub.errors import HubError
from local_hub.git.objects import GitObjects
from local_hub.git.refs import Refs


class Reachable:
    """A cache of reachable commits and LFS objects. It is cleared if a ref is moved back or deleted."""

    def __init__(self, objects: GitObjects, refs: Refs):
        self._objects = objects
        self._refs = refs
        self._lock = threading.Lock()
        self._lost = -1
        self._commits: set[str] = set()
        self._unread_commits: list[str] = []  # commits whose files are not in `_lfs` yet
        self._trees: set[str] = set()
        self._lfs: set[str] = set()

    def has_commit(self, oid: str) -> bool:
        """Return True if the commit is reachable from a ref."""
        with self._lock:
            if self._refs.lost != self._lost:
                self._forget()
            if oid not in self._commits:
                self._look_at_new_commits()
            return oid in self._commits

    def has_lfs(self, sha256: str) -> bool:
        """Return True if a reachable commit has a file with this content."""
        with self._lock:
            if self._refs.lost != self._lost:
                self._forget()
            if sha256 not in self._lfs:
                self._look_at_new_commits()
                while self._unread_commits:
                    tree = self._objects.commit(self._unread_commits.pop()).tree.decode()
                    self._lfs.update(sha for _, sha in blobs(self._objects, tree, self._trees) if sha)
            return sha256 in self._lfs

    def _forget(self) -> None:
        self._lost = self._refs.lost
        self._commits.clear()
        self._unread_commits.clear()
        self._trees.clear()
        self._lfs.clear()

    def _look_at_new_commits(self) -> None:
        tips = set()
        for oid in self._refs.under("refs/").values():
            with suppress(KeyError, HubError):  # a damaged branch does not hide the others
                tips.add(self._objects.commit(oid).id.decode())
        self._unread_commits += history(self._objects, tips, self._commits)


def history(objects: GitObjects, tips: Iterable[str], seen: set[str]) -> list[str]:
    """The commits reachable from `tips` that are not in `seen`; they are added to `seen`."""
    commits = []
    todo = [oid for oid in tips if oid not in seen]
    seen.update(todo)
    while todo:
        oid = todo.pop()
        commits.append(oid)
        new = {parent.decode() for parent in objects.commit(oid).parents} - seen
        seen |= new
        todo += new
    return commits


def blobs(objects: GitObjects, tree: str, seen: set[str]) -> list[tuple[str, str | None]]:
    """(id, sha256 of the LFS object or None) of each file below a tree. Trees in `seen` are skipped, new ones added."""
    files: list[tuple[str, str | None]] = []
    todo = [tree]
    while todo:
        oid = todo.pop()
        if oid in seen:
            continue
        seen.add(oid)
        for item in objects.tree(oid):
            if item.is_folder:
                todo.append(item.oid)
            else:
                lfs = objects.blob_info(item.oid).lfs
                files.append((item.oid, lfs.sha256 if lfs else None))
    return files
