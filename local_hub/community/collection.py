"""A collection as it is stored: a titled list of repos, one JSON file each, `ROOT/collections/ID.json`."""

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
    """A collection. Its address changes with its title, except for the id at the end, which finds it."""

    id: str
    owner: str
    title: str
    description: str | None = None
    private: bool = False
    theme: str = "orange"
    position: int = 0
    last_updated: str = field(default_factory=now)
    items: list[dict[str, Any]] = field(default_factory=list)  # as the API gives them

    @property
    def slug(self) -> str:
        """`owner/my-title-ID`"""
        words = re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")
        return f"{self.owner}/{words}-{self.id}"

    def described(self, visible: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """As the API gives it, with the items for which `visible` is true: nobody learns that there are others."""
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

    def change(self, wish: dict[str, Any]) -> None:
        """Set what `wish` names. Raises BadRequest."""
        for name, kind in (("title", str), ("description", str), ("private", bool), ("theme", str), ("position", int)):
            if name in wish:
                if not isinstance(wish[name], kind) or (kind is int and isinstance(wish[name], bool)):
                    raise BadRequest(f"Invalid {name!r} of a collection: {wish[name]!r}")
                setattr(self, name, wish[name])
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
    found = {one.name: stored[one.name] for one in fields(Collection) if one.name in stored}
    for name in ("id", "owner", "title", "private"):
        if name not in found:
            raise BadData(f"it has no {name!r}")
    for name, value in found.items():
        if not isinstance(value, _KINDS[name]):
            raise BadData(f"its {name!r} is {str(value)[:80]!r}")
    for item in found.get("items", []):
        if not isinstance(item, dict) or not all(isinstance(item.get(name), str) for name in ("_id", "type", "id")):
            raise BadData("one of its items is not {_id, type, id}")
    return Collection(**found)
