"""Copies commits with their history, files and LFS objects from one repo into a new one."""

import os
from collections.abc import Iterable
from contextlib import suppress

from dulwich.objects import ShaFile

from local_hub.git.reachable import blobs, history
from local_hub.repos.repository import Repository


def copy_history(source: Repository, target: Repository, tips: Iterable[str]) -> None:
    """Copy everything that is reachable from the commits `tips` to `target`. The caller holds the lock of `source`.

    A pointer whose LFS object was deleted stays without an object.
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
    """Hard-link a loose object; return False if it is not loose or the file system has no links."""
    path = target.objects.folder / oid[:2] / oid[2:]
    with suppress(OSError):  # in a pack, or no links on this file system
        path.parent.mkdir(exist_ok=True)
        os.link(source.objects.folder / oid[:2] / oid[2:], path)
        return True
    return False
