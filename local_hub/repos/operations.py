"""The operations of a commit, and the commit object that it becomes."""

import time
from dataclasses import dataclass

from dulwich.objects import Commit, ObjectID


@dataclass(frozen=True)
class AddFile:
    """Store `content` at `path` in git."""

    path: str
    content: bytes


@dataclass(frozen=True)
class AddLfsFile:
    """Put an uploaded LFS object at `path`. If `size` is None, the size of the stored object is used."""

    path: str
    sha256: str
    size: int | None = None


@dataclass(frozen=True)
class CopyFile:
    """Copy the file `source` at `source_revision` (None: the parent commit) to `path`."""

    path: str
    source: str
    source_revision: str | None = None


@dataclass(frozen=True)
class DeleteFile:
    """Delete a file. Some clients use it for folders too."""

    path: str


@dataclass(frozen=True)
class DeleteFolder:
    """Delete a folder; the empty path or "/" deletes everything."""

    path: str


Operation = AddFile | AddLfsFile | CopyFile | DeleteFile | DeleteFolder


def new_commit(tree: str, parents: list[str], *, author: str, message: str) -> Commit:
    """A git commit of the user `author`, dated now."""
    commit = Commit()
    commit.tree = ObjectID(tree.encode())
    commit.parents = [ObjectID(parent.encode()) for parent in parents]
    commit.author = commit.committer = f"{author} <{author}@users.noreply.localhost>".encode()
    commit.author_time = commit.commit_time = int(time.time())
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = message.encode(errors="replace")
    return commit


def join_message(summary: str, description: str = "") -> str:
    """A commit message: title, empty line, body. NUL characters are removed, because git ends the text there."""
    text = f"{summary.strip()}\n\n{description.strip()}" if description.strip() else summary.strip()
    return text.replace("\0", "")
