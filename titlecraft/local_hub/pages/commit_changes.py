"""What a commit changed: which files, and for small text files which lines."""

import difflib
from dataclasses import dataclass, field

from titlecraft.local_hub.git_objects import TreeItem
from titlecraft.local_hub.repository import Repository

_MOST_FILES = 100
_MOST_BYTES = 60_000  # of a file whose lines are compared
_MOST_LINES = 400  # of differences shown for one file


@dataclass(frozen=True)
class Change:
    """One file: `kind` is added, deleted or changed; sizes in bytes, of the content behind LFS pointers."""

    path: str
    kind: str
    old_size: int
    new_size: int
    lfs: bool
    lines: list[tuple[str, str]] = field(default_factory=list)  # (what: place, added, deleted or same; text)
    note: str = ""


@dataclass(frozen=True)
class Changes:
    """All of them, or the first ones."""

    files: list[Change]
    total: int


def changes(repo: Repository, commit: str, parent: str | None) -> Changes:
    """What `commit` changed since `parent` (None: everything was added)."""
    new = repo.objects.commit(commit).tree.decode()
    old = repo.objects.commit(parent).tree.decode() if parent else None
    found = sorted(_differing(repo, old, new))
    return Changes([_change(repo, *difference) for difference in found[:_MOST_FILES]], len(found))


def _differing(repo: Repository, old: str | None, new: str | None, folder: str = "") -> list[tuple]:
    """(path, old blob or None, new blob or None) for every file that differs; equal folders are never opened."""
    before, after = _items(repo, old), _items(repo, new)
    found: list[tuple] = []
    for name in before.keys() | after.keys():
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        path = f"{folder}{name}"
        folders = [item.oid if item and item.is_folder else None for item in (was, now)]
        if any(folders):
            found += _differing(repo, *folders, f"{path}/")
        files = [item.oid if item and not item.is_folder else None for item in (was, now)]
        if any(files):
            found.append((path, *files))
    return found


def _items(repo: Repository, tree: str | None) -> dict[str, TreeItem]:
    return {item.name: item for item in repo.objects.tree(tree)} if tree else {}


def _change(repo: Repository, path: str, old: str | None, new: str | None) -> Change:
    infos = [repo.objects.blob_info(oid) if oid else None for oid in (old, new)]
    sizes = [0 if info is None else info.lfs.size if info.lfs else info.size for info in infos]
    lfs = any(info and info.lfs for info in infos)
    kind = "added" if old is None else "deleted" if new is None else "changed"
    if lfs or max(sizes) > _MOST_BYTES:
        return Change(path, kind, *sizes, lfs, note="large file" if lfs else "too large to compare here")
    texts = [_text(repo, oid) for oid in (old, new)]
    if None in texts:
        return Change(path, kind, *sizes, lfs, note="not text")
    lines = _compare(*texts)
    note = f"only the first {_MOST_LINES} lines are shown" if len(lines) > _MOST_LINES else ""
    return Change(path, kind, *sizes, lfs, lines[:_MOST_LINES], note)


def _text(repo: Repository, oid: str | None) -> list[str] | None:
    content = repo.objects.blob(oid) if oid else b""
    try:
        return None if b"\0" in content else content.decode().splitlines()
    except UnicodeDecodeError:
        return None


def _compare(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    kinds = {"@": "place", "+": "added", "-": "deleted", " ": "same"}
    differences = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]  # after the two lines of file names
    return [(kinds[line[0]], line if line[0] == "@" else line[1:]) for line in differences]
