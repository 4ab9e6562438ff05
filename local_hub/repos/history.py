"""The history of a repo: the ancestors of a commit, and the last commit of each path."""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from dulwich.objects import Commit

from local_hub.repos.repository import Repository
from local_hub.repos.settings import hub_time


@dataclass(frozen=True)
class CommitSummary:
    """A commit in the form of the pages and the API."""

    id: str
    title: str
    message: str  # the body, without the title
    date: str
    author: str
    parents: tuple[str, ...]


def summarize(commit: Commit) -> CommitSummary:
    """The summary of a git commit."""
    title, _, message = commit.message.decode(errors="replace").partition("\n")
    return CommitSummary(
        id=commit.id.decode(),
        title=title,
        message=message.strip(),
        date=hub_time(datetime.fromtimestamp(commit.commit_time, UTC)),
        author=commit.author.decode(errors="replace").partition(" <")[0],
        parents=tuple(parent.decode() for parent in commit.parents),
    )


def commits(repo: Repository, start: str) -> Iterator[CommitSummary]:
    """The commit `start` and its ancestors, newest first."""
    queue = [(0, 0, start)]
    seen, order = {start}, 0
    while queue:
        oid = heapq.heappop(queue)[2]
        commit = repo.objects.commit(oid)
        yield summarize(commit)
        for parent in commit.parents:
            parent_oid = parent.decode()
            if parent_oid not in seen:
                seen.add(parent_oid)
                order += 1
                heapq.heappush(queue, (-repo.objects.commit(parent_oid).commit_time, order, parent_oid))


def count_commits(repo: Repository, start: str) -> int:
    """The number of commits: `start` and all its ancestors."""
    seen, todo = {start}, [start]
    while todo:
        new = {parent.decode() for parent in repo.objects.commit(todo.pop()).parents} - seen
        seen |= new
        todo.extend(new)
    return len(seen)


def last_commits(repo: Repository, start: str, paths: Iterable[str]) -> dict[str, CommitSummary]:
    """For each path that exists at `start`, the newest commit (along first parents) that changed it.

    Stops as soon as all paths are found. A folder is read once per commit in which the root tree differs.
    """
    at_start: dict[str, dict[str, str]] = {}
    oids = {path: _oid_at(repo, start, path, at_start) for path in paths}
    oids = {path: oid for path, oid in oids.items() if oid is not None}
    newest: dict[str, CommitSummary] = {}
    commit: Commit | None = repo.objects.commit(start)
    while oids and commit is not None:
        parent = repo.objects.commit(commit.parents[0].decode()) if commit.parents else None
        if parent is None or parent.tree != commit.tree:
            folders: dict[str, dict[str, str]] = {}
            for path, oid in list(oids.items()):
                if parent is None or _oid_at(repo, parent.id.decode(), path, folders) != oid:
                    newest[path] = summarize(commit)
                    del oids[path]
        commit = parent
    return newest


def _oid_at(repo: Repository, commit: str, path: str, folders: dict[str, dict[str, str]]) -> str | None:
    """The object id at `path` in `commit`, or None; `folders` caches the folders of that commit."""
    return _items(repo, commit, path.rpartition("/")[0], folders).get(path.rpartition("/")[2])


def _items(repo: Repository, commit: str, folder: str, folders: dict[str, dict[str, str]]) -> dict[str, str]:
    if folder not in folders:
        if folder:
            parent, _, name = folder.rpartition("/")
            oid = _items(repo, commit, parent, folders).get(name)
        else:
            oid = repo.objects.commit(commit).tree.decode()
        try:
            folders[folder] = {item.name: item.oid for item in repo.objects.tree(oid)} if oid else {}
        except KeyError:  # it was a file in that commit
            folders[folder] = {}
    return folders[folder]
