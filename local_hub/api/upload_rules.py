"""The rules for uploaded files, LFS or regular, ignored or not: `.gitattributes`, `.gitignore`, size, content."""

import io
import re

from dulwich.attrs import compile_gitattributes_patterns, parse_git_attributes
from dulwich.ignore import IgnoreFilter, read_ignore_patterns

from local_hub.errors import EntryNotFound
from local_hub.repos.default_files import GIT_ATTRIBUTES
from local_hub.repos.repository import Repository

# larger files go to LFS
MAX_REGULAR_BYTES = 10 * 2**20


# The library's regular expressions backtrack over the stars of a pattern: `*a*a*a*a*b` takes seconds for one name, while
# no other request is answered. Patterns and paths beyond these limits are skipped.
_MAX_STARS, _MAX_DOUBLE_STARS, _MAX_FOLDERS = 2, 3, 50


def _is_cheap(pattern: bytes) -> bool:
    parts = pattern.split(b"/")
    return parts.count(b"**") <= _MAX_DOUBLE_STARS and all(
        part == b"**" or len(re.findall(rb"\*+", part)) <= _MAX_STARS for part in parts
    )


class UploadRules:
    """The rules of a repo at a commit. `ignore_text` replaces the `.gitignore` of the repo."""

    def __init__(self, repo: Repository, commit: str, ignore_text: str | None = None):
        attributes = io.BytesIO(_text(repo, commit, GIT_ATTRIBUTES))
        rules = [(pattern, values) for pattern, values in parse_git_attributes(attributes) if _is_cheap(pattern)]
        self._patterns = compile_gitattributes_patterns(rules, GIT_ATTRIBUTES)
        ignored = ignore_text.encode() if ignore_text is not None else _text(repo, commit, ".gitignore")
        self._ignore = IgnoreFilter(filter(_is_cheap, read_ignore_patterns(io.BytesIO(ignored))))

    def goes_to_lfs(self, path: str, size: int, sample: bytes) -> bool:
        """Return True for files that `.gitattributes` names, large files, and binary content."""
        if size == 0:
            return False
        chosen = None
        for pattern, values in self._patterns if path.count("/") <= _MAX_FOLDERS else ():
            if b"filter" in values and pattern.match(path.encode()):
                chosen = values[b"filter"]
        if chosen is not None:
            return chosen == b"lfs"
        return size > MAX_REGULAR_BYTES or b"\0" in sample

    def is_ignored(self, path: str) -> bool:
        """Return True if `.gitignore` matches the file or one of its folders."""
        parts = path.split("/")
        if len(parts) > _MAX_FOLDERS:
            return False
        folders = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
        return any(self._ignore.is_ignored(name) for name in [*folders, path])


def _text(repo: Repository, commit: str, path: str) -> bytes:
    try:
        return repo.read(commit, path)
    except EntryNotFound:
        return b""
