"""The repo ids, file paths and branch names that the Hub accepts. None leaves the root folder; git can hold them all."""

import re
import unicodedata

from local_hub.errors import BadRequest, UnsafePath

REPO_TYPES = ("model", "dataset", "space")

# the client's own rule (huggingface_hub `validate_repo_id`): letters, digits, - _ . ; no -- and no .., at most 96
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?", re.ASCII)
_MAX_NAME = 96
# code that walks trees, here and in clients, recurses once per folder, and Python's limit is 1000
_MAX_FOLDERS = 200

# git's own list of what a ref name must not hold (git-check-ref-format(1))
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|^-|\.$|(^|/)\.|\.lock(/|$)|^@$")

_FULL_SHA = re.compile(r"[0-9a-f]{40}")


def check_repo_id(repo_id: str) -> str:
    """Return `repo_id`. Raises BadRequest if it is not a valid `namespace/name`."""
    namespace, slash, name = repo_id.partition("/")
    for part in (namespace, name):
        good = _NAME.fullmatch(part) and "--" not in part and ".." not in part and not part.endswith((".git", ".ipynb"))
        if not slash or not good or len(part) > _MAX_NAME:
            raise BadRequest(
                f"Invalid repo id {repo_id!r}: use namespace/name with letters, digits, '-', '_' and '.', not starting "
                f"or ending with '-' or '.', without '--' or '..', at most {_MAX_NAME} characters each"
            )
    return repo_id


def check_file_path(path: str) -> str:
    """Return `path`. Raises UnsafePath if it is not a valid path inside a repo.

    As in git, empty, absolute and dotted components and control characters are invalid, and so is `.git` in every
    spelling that some file system accepts (case, `git~1`, trailing dots and spaces, invisible characters, backslash).
    """
    if not path or len(path) > 4096:
        raise UnsafePath(f"Invalid path in repo {path[:80]!r}: it is empty or longer than 4096 characters")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UnsafePath(f"Invalid path in repo {path!r}: it is not valid Unicode") from None
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise UnsafePath(f"Invalid path in repo {path!r}: control characters are not allowed")
    if path.count("/") > _MAX_FOLDERS:
        raise UnsafePath(f"Invalid path in repo {path[:80]!r}…: it is in more than {_MAX_FOLDERS} folders")
    for part in path.split("/"):
        # Windows reads a backslash as a separator; the Hub accepts one that is not at the start
        if part in ("", ".", "..") or path.startswith(("..\\", "\\")):
            raise UnsafePath(f"Invalid path in repo {path!r}: empty, '.' and '..' components are not allowed")
        if len(part.encode()) > 255:
            raise UnsafePath(f"Invalid path in repo {path[:80]!r}…: a component is longer than 255 bytes")
        if any(map(_means_dot_git, part.split("\\"))):
            raise UnsafePath(f"Invalid path in repo {path!r}: '.git' is reserved")
    return path


def _means_dot_git(part: str) -> bool:
    visible = "".join(character for character in part if unicodedata.category(character) != "Cf")
    return visible.split(":")[0].rstrip(". ").casefold() in (".git", "git~1")


def is_good_ref_name(name: str) -> bool:
    """Return True for a valid name of a branch or tag. Names that look like a commit or a full ref are ambiguous: False."""
    return (
        bool(name)
        and len(name) <= 255
        and not (_BAD_REF.search(name) or _FULL_SHA.fullmatch(name) or name.startswith("refs/") or name == "HEAD")
    )


def url_path(repo_type: str, repo_id: str) -> str:
    """The address of a repo: `/ns/name`, `/datasets/ns/name` or `/spaces/ns/name`."""
    return f"/{repo_id}" if repo_type == "model" else f"/{repo_type}s/{repo_id}"
