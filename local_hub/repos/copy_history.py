"""Copying what some commits lead to from one repo into a new one, with the large files that they use."""

import os
from collections.abc import Iterable
from contextlib import suppress

from dulwich.objects import ShaFile

from local_hub.git.reachable import blobs, history
from local_hub.repos.repository import Repository


def copy_history(source: Repository, target: Repository, tips: Iterable[str]) -> None:
    """Put the commits `tips`, all before them and all their files into `target`. The caller holds the source's lock.

    A file whose large object was deleted stays a pointer to nothing, as it is in the source.
    """
    batch = target.objects.batch()
    trees: set[str] = set()
    files: dict[str, str | None] = {}
    commits = history(source.objects, tips, set())
    for oid in commits:
        files.update(blobs(source.objects, source.objects.commit(oid).tree.decode(), trees))
    loose = [oid for oid in (*files, *trees, *commits) if not _linked(source, target, oid)]
    for oid in loose:
        batch.add(ShaFile.from_raw_string(*source.objects.read(oid)))
    batch.flush()
    for sha256 in {lfs for lfs in files.values() if lfs}:
        if source.lfs.size(sha256) is not None:
            target.lfs.take_from(source.lfs, sha256)


def _linked(source: Repository, target: Repository, oid: str) -> bool:
    """True when the object is a file of its own and the new repo has the same file now: objects never change."""
    path = target.objects.folder / oid[:2] / oid[2:]
    with suppress(OSError):  # it is in a pack, or this file system has no links
        path.parent.mkdir(exist_ok=True)
        os.link(source.objects.folder / oid[:2] / oid[2:], path)
        return True
    return False
