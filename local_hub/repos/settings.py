"""The settings of a repo: visibility, likes, access requests. One JSON file in the repo's folder."""

import json
import secrets
import stat
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from local_hub.disk.durable import TemporaryArea
from local_hub.untrusted.data import BadData, read_json_object

FILE_NAME = "hub.json"


def now() -> str:
    """The present time in the Hub's format: UTC, milliseconds, `Z`."""
    return hub_time(datetime.now(UTC))


def hub_time(moment: datetime) -> str:
    """A time in the Hub's format."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass
class AccessRequest:
    """A user's request for access to a gated repo."""

    status: Literal["pending", "accepted", "rejected"]
    timestamp: str
    fields: dict[str, str] | None = None


def is_hub_time(value: Any) -> bool:
    """Return True for an ISO 8601 time with a time zone."""
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except (TypeError, ValueError):
        return False


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_access(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(request, dict)
        and request.keys() <= {"status", "timestamp", "fields"}
        and request.get("status") in ("pending", "accepted", "rejected")
        and isinstance(request.get("timestamp"), str)
        and isinstance(request.get("fields"), dict | None)
        for request in value.values()
    )


_VALID: dict[str, Callable[[Any], bool]] = {
    "internal_id": _is_text,
    "created_at": is_hub_time,
    "private": _is_flag,
    "gated": lambda value: value is False or value in ("auto", "manual"),
    "disabled": _is_flag,
    "sdk": lambda value: value is None or _is_text(value),
    "likes": lambda value: isinstance(value, list) and all(map(_is_text, value)),
    "access": _is_access,
}


@dataclass
class RepoSettings:
    """The data of a repo that are not in git. Change them under the repo's lock, then `save`."""

    internal_id: str = field(default_factory=lambda: secrets.token_hex(12))
    created_at: str = field(default_factory=now)
    private: bool = False
    gated: Literal[False, "auto", "manual"] = False
    disabled: bool = False
    sdk: str | None = None
    likes: list[str] = field(default_factory=list)
    access: dict[str, AccessRequest] = field(default_factory=dict)  # user name -> request

    @classmethod
    def load(cls, repo_folder: Path) -> "RepoSettings":
        """Read the settings of a repo. Raises OSError if the file cannot be read, BadData if its content is invalid.

        There are no defaults for required fields: a repo with an unreadable visibility must not become public.
        """
        file = repo_folder / FILE_NAME
        if stat.S_ISFIFO(file.stat().st_mode):  # reading a pipe blocks for ever
            raise BadData("it is no file")
        stored = read_json_object(file.read_bytes())
        known = {field_.name for field_ in fields(cls)}  # a newer version may have more fields
        values = {name: value for name, value in stored.items() if name in known}
        for name in ("internal_id", "created_at", "private"):
            if name not in values:
                raise BadData(f"it has no {name!r}")
        for name, value in values.items():
            if not _VALID[name](value):
                raise BadData(f"its {name!r} is {str(value)[:80]!r}")
        values["access"] = {user: AccessRequest(**request) for user, request in values.get("access", {}).items()}
        return cls(**values)

    def save(self, repo_folder: Path, temporary: TemporaryArea) -> None:
        """Write the settings in one step."""
        temporary.write(repo_folder / FILE_NAME, json.dumps(asdict(self), indent=1).encode())
