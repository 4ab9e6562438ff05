"""Discussions and pull requests of a repo: one JSON file each, `repo.git/discussions/N.json`.

Events are stored as the API gives them: comment, status-change, title-change, commit.
"""

import json
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from titlecraft.local_hub.hub_errors import NotFound
from titlecraft.local_hub.repo_settings import now
from titlecraft.local_hub.repository import Repository


@dataclass
class Discussion:
    """A discussion; a pull request when `base` names the branch that it wants to change."""

    num: int
    title: str
    author: str
    status: str = "open"  # open, closed; of a pull request also draft, merged
    created_at: str = field(default_factory=now)
    base: str | None = None
    merge_commit: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_pull_request(self) -> bool:
        return self.base is not None

    @property
    def ref(self) -> str:
        """The git ref of a pull request."""
        return f"refs/pr/{self.num}"

    def add_event(self, kind: str, author: str, data: dict[str, Any]) -> dict[str, Any]:
        """Append an event; returns it as the API gives it."""
        event = {
            "id": secrets.token_hex(12),
            "type": kind,
            "author": {"name": author, "type": "user"},
            "createdAt": now(),
            "data": data,
        }
        self.events.append(event)
        return event

    def comment(self, author: str, text: str) -> dict[str, Any]:
        """Add a comment."""
        return self.add_event("comment", author, comment_data(author, text))

    def change_status(self, author: str, status: str) -> dict[str, Any]:
        """Open, close or merge."""
        self.status = status
        return self.add_event("status-change", author, {"status": status})


def comment_data(author: str, text: str) -> dict[str, Any]:
    """The data of a comment event."""
    return {
        "edited": False,
        "hidden": False,
        "latest": {"raw": text, "html": "", "updatedAt": now(), "author": {"name": author, "type": "user"}},
        "numEdits": 0,
        "history": [],
    }


def _file(repo: Repository, number: int):
    return repo.folder / "discussions" / f"{number}.json"


def load(repo: Repository, number: int) -> Discussion:
    """Raises NotFound."""
    try:
        return Discussion(**json.loads(_file(repo, number).read_bytes()))
    except FileNotFoundError:
        raise NotFound(f"Discussion {number} does not exist in {repo.id}") from None


def save(repo: Repository, discussion: Discussion) -> None:
    """Write it in one step; the caller holds the repo's lock."""
    repo.temporary.write(_file(repo, discussion.num), json.dumps(asdict(discussion)).encode())


def numbers(repo: Repository) -> list[int]:
    """All numbers in use, the newest first. A ref without a file is a pull request that a crash cut short: not one."""
    return sorted((int(file.stem) for file in (repo.folder / "discussions").glob("*.json")), reverse=True)


def listed(repo: Repository, wanted: Callable[[Discussion], bool]) -> list[Discussion]:
    """The discussions for which `wanted` is true, the newest first."""
    return [found for number in numbers(repo) if wanted(found := load(repo, number))]


def next_number(repo: Repository) -> int:
    """The number of the next discussion; never one whose ref is taken."""
    return max([0, *numbers(repo), *(int(name) for name in repo.refs.under("refs/pr/") if name.isdigit())]) + 1
