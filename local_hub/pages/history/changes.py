"""The changes of a commit: files, and for small text files the lines."""

import difflib
import time
from dataclasses import dataclass, field, replace

from local_hub.git.objects import TreeItem
from local_hub.repos.repository import Repository
from local_hub.untrusted.bounded import TooMuch, bounded

_MAX_FILES = 100
_MAX_BYTES = 60_000  # of a file whose lines are compared
_MAX_LINES = 400  # of differences shown for one file
_MAX_BYTES_HERE = 20_000  # of all files, to be compared in this process
_SECONDS = 3.0  # for all files


@dataclass(frozen=True)
class Change:
    """One changed file. `kind` is added, deleted or changed; sizes are in bytes, for LFS files those of the object."""

    path: str
    kind: str
    old_size: int
    new_size: int
    lfs: bool
    lines: list[tuple[str, str]] = field(default_factory=list)  # (what: place, added, deleted or same; text)
    note: str = ""
    texts: tuple[list[str], list[str]] | None = None  # to be compared


@dataclass(frozen=True)
class Changes:
    """The first changed files, and the number of all."""

    files: list[Change]
    total: int


def changes(repo: Repository, commit: str, parent: str | None) -> Changes:
    """The changes of `commit` since `parent`; if that is None, everything was added."""
    new = repo.objects.commit(commit).tree.decode()
    old = repo.objects.commit(parent).tree.decode() if parent else None
    differences = sorted(_differing(repo, old, new))
    return Changes(_compared([_change(repo, *difference) for difference in differences[:_MAX_FILES]]), len(differences))


def _differing(
    repo: Repository, old: str | None, new: str | None, folder: str = ""
) -> list[tuple[str, str | None, str | None]]:
    """(path, old blob or None, new blob or None) of every file that differs. Equal folders are not read."""
    before, after = _items(repo, old), _items(repo, new)
    differences: list[tuple[str, str | None, str | None]] = []
    for name in before.keys() | after.keys():
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        path = f"{folder}{name}"
        old_folder, new_folder = (item.oid if item and item.is_folder else None for item in (was, now))
        if old_folder or new_folder:
            differences += _differing(repo, old_folder, new_folder, f"{path}/")
        old_file, new_file = (item.oid if item and not item.is_folder else None for item in (was, now))
        if old_file or new_file:
            differences.append((path, old_file, new_file))
    return differences


def _items(repo: Repository, tree: str | None) -> dict[str, TreeItem]:
    return {item.name: item for item in repo.objects.tree(tree)} if tree else {}


def _change(repo: Repository, path: str, old: str | None, new: str | None) -> Change:
    infos = [repo.objects.blob_info(oid) if oid else None for oid in (old, new)]
    old_size, new_size = (0 if info is None else info.lfs.size if info.lfs else info.size for info in infos)
    lfs = any(info is not None and info.lfs is not None for info in infos)
    kind = "added" if old is None else "deleted" if new is None else "changed"
    if lfs or max(old_size, new_size) > _MAX_BYTES:
        return Change(path, kind, old_size, new_size, lfs, note="large file" if lfs else "too large to compare here")
    old_lines, new_lines = (_text(repo, oid) for oid in (old, new))
    if old_lines is None or new_lines is None:
        return Change(path, kind, old_size, new_size, lfs, note="not text")
    return Change(path, kind, old_size, new_size, lfs, texts=(old_lines, new_lines))


def _compared(changes: list[Change]) -> list[Change]:
    """The changes with their lines. Comparing is quadratic in the lines, so long texts are compared in `bounded`."""
    texts = [change.texts for change in changes if change.texts]
    if sum(change.old_size + change.new_size for change in changes if change.texts) <= _MAX_BYTES_HERE:
        compared = iter(compare_all(texts))
    else:
        try:
            compared = iter(bounded(compare_all, texts))
        except TooMuch:
            compared = iter([None] * len(texts))
    return [_with_lines(change, next(compared)) if change.texts else change for change in changes]


def _with_lines(change: Change, lines: list[tuple[str, str]] | None) -> Change:
    if lines is None:
        return replace(change, texts=None, note="too large to compare here")
    note = f"only the first {_MAX_LINES} lines are shown" if len(lines) > _MAX_LINES else ""
    return replace(change, texts=None, lines=lines[:_MAX_LINES], note=note)


def compare_all(texts: list[tuple[list[str], list[str]]]) -> list[list[tuple[str, str]] | None]:
    """The differing lines of each pair, at most one more than is shown; None for pairs after the time limit."""
    stop_at = time.monotonic() + _SECONDS
    return [_compare(*pair)[: _MAX_LINES + 1] if time.monotonic() < stop_at else None for pair in texts]


def _text(repo: Repository, oid: str | None) -> list[str] | None:
    content = repo.objects.blob(oid) if oid else b""
    try:
        return None if b"\0" in content else content.decode().splitlines()
    except UnicodeDecodeError:
        return None


def _compare(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    kinds = {"@": "place", "+": "added", "-": "deleted", " ": "same"}
    differences = list(difflib.unified_diff(old, new, lineterm="", n=3))[2:]  # without the two lines of file names
    return [(kinds[line[0]], line if line[0] == "@" else line[1:]) for line in differences]
