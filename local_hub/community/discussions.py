"""Stored discussions and pull requests of a repo: one JSON file each, `repo.git/discussions/N.json`.

Events are stored in the form of the API: comment, status-change, title-change, commit.
"""

import json
import logging
import re
import secrets
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from local_hub.errors import DamagedRepo, NotFound
from local_hub.repos.repository import Repository
from local_hub.repos.settings import is_hub_time, now
from local_hub.untrusted.data import BadData, read_json_object

_NUMBER = re.compile(r"[0-9]{1,9}")
_log = logging.getLogger(__name__)


@dataclass
class Discussion:
    """A discussion. It is a pull request if `base` names the branch to merge into."""

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
        """Append an event and return it in the form of the API."""
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
        """Add a comment and return its event."""
        return self.add_event("comment", author, comment_data(author, text))

    def change_status(self, author: str, status: str) -> dict[str, Any]:
        """Set the status and return the event."""
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


def _file(repo: Repository, number: int) -> Path:
    return repo.folder / "discussions" / f"{number}.json"


def load(repo: Repository, number: int) -> Discussion:
    """The discussion with this number. Raises NotFound, DamagedRepo."""
    try:
        return read_discussion(_file(repo, number))
    except FileNotFoundError:
        raise NotFound(f"Discussion {number} does not exist in {repo.id}") from None
    except (OSError, BadData) as error:
        raise DamagedRepo(f"its discussion {number} cannot be read ({error})") from error


def read_discussion(file: Path) -> Discussion:
    """The discussion in a file. Raises OSError, BadData."""
    stored = read_json_object(file.read_bytes())
    known = {name: stored[name] for name in _KINDS if name in stored}
    for name in ("num", "title", "author", "status", "created_at"):
        if name not in known:
            raise BadData(f"it has no {name!r}")
    for name, value in known.items():
        if not isinstance(value, _KINDS[name]):
            raise BadData(f"its {name!r} is {str(value)[:80]!r}")
    if not is_hub_time(known["created_at"]) or not all(map(_is_event, known.get("events", []))):
        raise BadData("one of its times or events is not what the Hub wrote")
    return Discussion(**known)


_KINDS = {
    "num": int,
    "title": str,
    "author": str,
    "status": str,
    "created_at": str,
    "base": str | None,
    "merge_commit": str | None,
    "events": list,
}


def _is_event(event: Any) -> bool:
    if not isinstance(event, dict) or not isinstance(event.get("author"), dict):
        return False
    data = event.get("data")
    if not isinstance(data, dict) or (event.get("type") == "comment" and not _is_comment(data)):
        return False
    texts = (event.get("id"), event.get("type"), event["author"].get("name"))
    return all(isinstance(text, str) for text in texts) and is_hub_time(event.get("createdAt"))


def _is_comment(data: dict[str, Any]) -> bool:
    latest = data.get("latest")
    return isinstance(data.get("history"), list) and isinstance(latest, dict) and isinstance(latest.get("raw"), str)


def save(repo: Repository, discussion: Discussion) -> None:
    """Store a discussion in one step. The caller holds the repo's lock."""
    repo.temporary.write(_file(repo, discussion.num), json.dumps(asdict(discussion)).encode())


def numbers(repo: Repository) -> list[int]:
    """The numbers of all discussions, newest first. A ref without a file is left from a crash and does not count."""
    stems = (file.stem for file in (repo.folder / "discussions").glob("*.json"))
    return sorted((int(stem) for stem in stems if _NUMBER.fullmatch(stem)), reverse=True)


def listed(repo: Repository, wanted: Callable[[Discussion], bool]) -> list[Discussion]:
    """The discussions for which `wanted` returns True, newest first, without damaged ones."""
    return [
        discussion
        for number in numbers(repo)
        if (discussion := _or_none(repo, number)) is not None and wanted(discussion)
    ]


def _or_none(repo: Repository, number: int) -> Discussion | None:
    try:
        return load(repo, number)
    except NotFound:  # deleted meanwhile
        return None
    except DamagedRepo as error:
        _log.warning("%s %s: %s", repo.type, repo.id, error.reason)
        return None


def next_number(repo: Repository) -> int:
    """The number for a new discussion; its ref is not in use."""
    return max([0, *numbers(repo), *(int(name) for name in repo.refs.under("refs/pr/") if _NUMBER.fullmatch(name))]) + 1
