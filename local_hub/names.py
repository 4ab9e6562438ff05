"""Which repo ids, file paths and branch names the Hub accepts: nothing that leaves the root or that git cannot hold."""

import re
import unicodedata

from local_hub.errors import BadRequest, UnsafePath

REPO_TYPES = ("model", "dataset", "space")

# the client's own rule (huggingface_hub `validate_repo_id`): letters, digits, - _ . ; no -- and no .., at most 96
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?", re.ASCII)
_MAX_NAME = 96
# each folder is one call more in what walks through trees, here and in clients: Python ends at a thousand
_MOST_FOLDERS = 200

# git's own list of what a ref name must not hold (git-check-ref-format(1))
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|^-|\.$|(^|/)\.|\.lock(/|$)|^@$")

_FULL_SHA = re.compile(r"[0-9a-f]{40}")


def check_repo_id(repo_id: str) -> str:
    """`repo_id` when it is a good `namespace/name`, else BadRequest."""
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
    """`path` when it names a place inside a repo, else UnsafePath.

    Refuses empty, absolute and dotted components, control characters, and `.git` in every spelling that some file
    system takes for it (case, `git~1`, trailing dots and spaces, invisible characters, after a backslash), as git does.
    """
    if not path or len(path) > 4096:
        raise UnsafePath(f"Invalid path in repo {path[:80]!r}: it is empty or longer than 4096 characters")
    try:
        path.encode()
    except UnicodeEncodeError:
        raise UnsafePath(f"Invalid path in repo {path!r}: it is not valid Unicode") from None
    if any(ord(character) < 32 or ord(character) == 127 for character in path):
        raise UnsafePath(f"Invalid path in repo {path!r}: control characters are not allowed")
    if path.count("/") > _MOST_FOLDERS:
        raise UnsafePath(f"Invalid path in repo {path[:80]!r}…: it is in more than {_MOST_FOLDERS} folders")
    for part in path.split("/"):
        # Windows takes a backslash for a separator; further in, such a name harms nobody here and the Hub accepts it
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
    """True for what may name a branch or a tag; a name that reads as a commit or a full ref is refused as ambiguous."""
    return (
        bool(name)
        and len(name) <= 255
        and not (_BAD_REF.search(name) or _FULL_SHA.fullmatch(name) or name.startswith("refs/") or name == "HEAD")
    )


def url_path(repo_type: str, repo_id: str) -> str:
    """`/ns/name`, `/datasets/ns/name` or `/spaces/ns/name`."""
    return f"/{repo_id}" if repo_type == "model" else f"/{repo_type}s/{repo_id}"
