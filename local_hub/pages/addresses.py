"""The addresses of the pages. Revisions are quoted whole (`refs%2Fpr%2F1`), paths keep their slashes."""

from urllib.parse import quote


def repo_url(repo_type: str, repo_id: str) -> str:
    """`/ns/name`, `/datasets/ns/name` or `/spaces/ns/name`."""
    return f"/{quote(repo_id)}" if repo_type == "model" else f"/{repo_type}s/{quote(repo_id)}"


def person(name: str) -> str:
    """What a user or organisation has. Authors of pushed commits have any name, so it is quoted whole."""
    return f"/{quote(name, safe='', errors='replace')}"


def inside(repo_type: str, repo_id: str, kind: str, revision: str, path: str = "") -> str:
    """The page `kind` (tree, blob, resolve, commits) of a repo at a revision."""
    address = f"{repo_url(repo_type, repo_id)}/{kind}/{quote(revision, safe='')}"
    return f"{address}/{quote_path(path)}" if path else address


def quote_path(path: str) -> str:
    """A path inside a repo for an address; names that are not UTF-8 keep their bytes."""
    return quote(path, errors="surrogateescape")


def card_at(repo_type: str, repo_id: str, revision: str) -> str:
    """The card page at a revision; `main` needs no mention."""
    address = repo_url(repo_type, repo_id)
    return address if revision == "main" else f"{address}?revision={quote(revision, safe='')}"
