"""The operations of a commit, and the commit object that it becomes."""

import time
from dataclasses import dataclass

from dulwich.objects import Commit


@dataclass(frozen=True)
class AddFile:
    """Put this content at `path`, in git itself."""

    path: str
    content: bytes


@dataclass(frozen=True)
class AddLfsFile:
    """Put an object that was uploaded before at `path`. `size` may be None: the stored one counts."""

    path: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True)
class CopyFile:
    """Put what `source` is at `source_revision` (None: the parent commit) at `path`."""

    path: str
    source: str
    source_revision: str | None = None


@dataclass(frozen=True)
class DeleteFile:
    """Remove one file; clients also name folders with it."""

    path: str


@dataclass(frozen=True)
class DeleteFolder:
    """Remove a folder and what is in it; the empty path or "/" means everything."""

    path: str


Operation = AddFile | AddLfsFile | CopyFile | DeleteFile | DeleteFolder


def new_commit(tree: str, parents: list[str], *, author: str, message: str) -> Commit:
    """A commit object of the Hub's user `author`, dated now."""
    commit = Commit()
    commit.tree = tree.encode()
    commit.parents = [parent.encode() for parent in parents]
    commit.author = commit.committer = f"{author} <{author}@users.noreply.localhost>".encode()
    commit.author_time = commit.commit_time = int(time.time())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = message.encode(errors="replace")
    return commit


def join_message(summary: str, description: str = "") -> str:
    """Title, empty line, body: git's convention. NUL would end the object's text for git."""
    text = f"{summary.strip()}\n\n{description.strip()}" if description.strip() else summary.strip()
    return text.replace("\0", "")
