"""The addresses of the pages. Slashes are quoted in revisions (`refs%2Fpr%2F1`) and not in paths."""

from urllib.parse import quote


def repo_url(repo_type: str, repo_id: str) -> str:
    """`/ns/name`, `/datasets/ns/name` or `/spaces/ns/name`."""
    return f"/{quote(repo_id)}" if repo_type == "model" else f"/{repo_type}s/{quote(repo_id)}"


def person(name: str) -> str:
    """The page of a user or organisation. Authors of commits may have any name, so everything is quoted."""
    return f"/{quote(name, safe='', errors='replace')}"


def inside(repo_type: str, repo_id: str, kind: str, revision: str, path: str = "") -> str:
    """The page `kind` (tree, blob, resolve, commits) of a repo at a revision."""
    address = f"{repo_url(repo_type, repo_id)}/{kind}/{quote(revision, safe='')}"
    return f"{address}/{quote_path(path)}" if path else address


def quote_path(path: str) -> str:
    """A path inside a repo, quoted; names that are not UTF-8 keep their bytes."""
    return quote(path, errors="surrogateescape")


def card_at(repo_type: str, repo_id: str, revision: str) -> str:
    """The card page at a revision; without a query for `main`."""
    address = repo_url(repo_type, repo_id)
    return address if revision == "main" else f"{address}?revision={quote(revision, safe='')}"
