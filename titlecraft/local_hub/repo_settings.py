"""What the Hub knows about a repo besides its git history: one small JSON file inside the repo's folder."""

import json
import secrets
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from titlecraft.local_hub.durable import TemporaryArea

FILE_NAME = "hub.json"


def now() -> str:
    """The time as the Hub writes it: UTC, milliseconds, `Z`."""
    return hub_time(datetime.now(UTC))


def hub_time(moment: datetime) -> str:
    """`moment` as the Hub writes times in JSON."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass
class AccessRequest:
    """Somebody's wish to read a gated repo."""

    status: Literal["pending", "accepted", "rejected"]
    timestamp: str
    fields: dict[str, str] | None = None


@dataclass
class RepoSettings:
    """Everything of a repo that is not in git. Change it under the repo's lock, then `save`."""

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
        """Raises FileNotFoundError when the folder is not a repo of the Hub."""
        stored = json.loads((repo_folder / FILE_NAME).read_bytes())
        stored["access"] = {user: AccessRequest(**request) for user, request in stored.get("access", {}).items()}
        known = {one.name for one in fields(cls)}  # a newer version may have written more
        return cls(**{name: value for name, value in stored.items() if name in known})

    def save(self, repo_folder: Path, temporary: TemporaryArea) -> None:
        """Replace the file in one step."""
        temporary.write(repo_folder / FILE_NAME, json.dumps(asdict(self), indent=1).encode())
