"""Stored collections: titled lists of repos, one JSON file each, `ROOT/collections/ID.json`."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from local_hub.errors import BadRequest
from local_hub.repos.settings import now
from local_hub.untrusted.data import BadData, read_json_object


@dataclass
class Collection:
    """A collection. Its slug changes with its title; the id at the end of the slug does not."""

    id: str
    owner: str
    title: str
    description: str | None = None
    private: bool = False
    theme: str = "orange"
    position: int = 0
    last_updated: str = field(default_factory=now)
    items: list[dict[str, Any]] = field(default_factory=list)  # in the form of the API

    @property
    def slug(self) -> str:
        """`owner/my-title-ID`"""
        words = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")
        return f"{self.owner}/{words}-{self.id}"

    def described(self, visible: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The fields of the API, with only those items for which `visible` returns True."""
        return {
            "slug": self.slug,
            "title": self.title,
            "description": self.description,
            "owner": {"name": self.owner, "type": "user"},
            "lastUpdated": self.last_updated,
            "private": self.private,
            "theme": self.theme,
            "position": self.position,
            "upvotes": 0,
            "items": [item | {"position": position} for position, item in enumerate(filter(visible, self.items))],
        }

    def change(self, changes: dict[str, Any]) -> None:
        """Set the fields in `changes`. Raises BadRequest."""
        for name, kind in (("title", str), ("description", str), ("private", bool), ("theme", str), ("position", int)):
            if name in changes:
                if not isinstance(changes[name], kind) or (kind is int and isinstance(changes[name], bool)):
                    raise BadRequest(f"Invalid {name!r} of a collection: {changes[name]!r}")
                setattr(self, name, changes[name])
        if not self.title.strip():
            raise BadRequest("A collection needs a title")


_KINDS = {
    "id": str,
    "owner": str,
    "title": str,
    "description": str | None,
    "private": bool,
    "theme": str,
    "position": int,
    "last_updated": str,
    "items": list,
}


def read_collection(file: Path) -> Collection:
    """The collection in a file. Raises OSError, BadData."""
    stored = read_json_object(file.read_bytes())
    known = {field_.name: stored[field_.name] for field_ in fields(Collection) if field_.name in stored}
    for name in ("id", "owner", "title", "private"):
        if name not in known:
            raise BadData(f"it has no {name!r}")
    for name, value in known.items():
        if not isinstance(value, _KINDS[name]):
            raise BadData(f"its {name!r} is {str(value)[:80]!r}")
    for item in known.get("items", []):
        if not isinstance(item, dict) or not all(isinstance(item.get(name), str) for name in ("_id", "type", "id")):
            raise BadData("one of its items is not {_id, type, id}")
    return Collection(**known)
