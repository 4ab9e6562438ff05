"""Collections: titled lists of repos, `/api/collections`. One JSON file each, `ROOT/collections/ID.json`."""

import json
import re
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from titlecraft.local_hub.call import Call, answer, endpoint
from titlecraft.local_hub.hub_errors import AlreadyExists, BadRequest, NotFound
from titlecraft.local_hub.names import REPO_TYPES
from titlecraft.local_hub.repo_settings import now

_ID = re.compile(r"[0-9a-f]{24}")
_PAGE = 100


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

    def described(self) -> dict[str, Any]:
        """As the API gives it."""
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
            "items": [item | {"position": position} for position, item in enumerate(self.items)],
        }

    def change(self, wish: dict[str, Any]) -> None:
        """Set what `wish` names. Raises BadRequest."""
        for name, kind in (("title", str), ("description", str), ("private", bool), ("theme", str), ("position", int)):
            if name in wish:
                if not isinstance(wish[name], kind):
                    raise BadRequest(f"Invalid {name!r} of a collection: {wish[name]!r}")
                setattr(self, name, wish[name])
        if not self.title.strip():
            raise BadRequest("A collection needs a title")


def _folder(call: Call) -> Path:
    return call.hub.store.root / "collections"


def _save(call: Call, one: Collection) -> None:
    one.last_updated = now()
    call.hub.store.temporary.write(_folder(call) / f"{one.id}.json", json.dumps(asdict(one)).encode())


def _load(call: Call, *, write: bool = False) -> Collection:
    """The collection that the address names. Raises NotFound (also when it is hidden), Forbidden."""
    return find(call, call.params["slug"], write=write)


def find(call: Call, slug: str, *, write: bool = False) -> Collection:
    """The collection with this slug. Raises NotFound (also when it is hidden), Forbidden."""
    number = slug.rsplit("-", 1)[-1]
    file = _folder(call) / f"{number}.json"
    if _ID.fullmatch(number) and file.exists():
        one = Collection(**json.loads(file.read_bytes()))
        if write:
            call.require_write(one.owner)
        if _visible(call, one):
            return one
    raise NotFound(f"The collection {slug} does not exist")


def _visible(call: Call, one: Collection) -> bool:
    return not one.private or (call.token is not None and call.token.belongs_to(one.owner))


def index(call: Call) -> Response:
    """GET /api/collections?owner=&item=models/ID&limit="""
    owners, items = call.query_list("owner"), call.query_list("item")
    found = []
    for file in _folder(call).glob("*.json"):
        one = Collection(**json.loads(file.read_bytes()))
        holds = {f"{item['type']}s/{item['id']}" for item in one.items}
        if _visible(call, one) and (not owners or one.owner in owners) and (not items or holds & set(items)):
            found.append(one)
    found.sort(key=lambda one: one.last_updated, reverse=True)
    shown = [one.described() for one in found[: call.number("limit", _PAGE, least=1)]]
    for described in shown:
        del described["position"]  # the client counts for itself here, and takes it badly to be told
    return answer(shown)


def create(call: Call) -> Response:
    """POST /api/collections with `{title, namespace, description?, private?}`"""
    wish = call.json()
    owner = str(wish.get("namespace") or call.user)
    call.require_write(owner)
    one = Collection(secrets.token_hex(12), owner, title="")
    one.change(wish)
    for file in _folder(call).glob("*.json"):
        other = Collection(**json.loads(file.read_bytes()))
        if (other.owner, other.title) == (
            one.owner,
            one.title,
        ):  # the client's `exists_ok` reads the slug of the answer
            raise AlreadyExists(f"{owner} has a collection of this title already", extra={"slug": other.slug})
    _save(call, one)
    return answer(one.described())


def show(call: Call) -> Response:
    """GET /api/collections/SLUG"""
    return answer(_load(call).described())


def update(call: Call) -> Response:
    """PATCH /api/collections/SLUG with some of `{title, description, private, theme, position}`"""
    one = _load(call, write=True)
    one.change(call.json())
    _save(call, one)
    return answer({"success": True, "data": one.described()})


def delete(call: Call) -> Response:
    """DELETE /api/collections/SLUG"""
    one = _load(call, write=True)
    (_folder(call) / f"{one.id}.json").unlink()
    return answer({"success": True})


def add_item(call: Call) -> Response:
    """POST /api/collections/SLUG/items with `{item: {type, id}, note?}`"""
    one, wish = _load(call, write=True), call.json()
    item = wish.get("item")
    if not isinstance(item, dict):
        raise BadRequest("An item of a collection is {type, id}")
    kind, name = str(item.get("type")), str(item.get("id"))
    added: dict[str, Any] = {"_id": secrets.token_hex(12), "type": kind}
    if kind in REPO_TYPES:
        added["id"] = call.find_repo(kind, name).id
    elif kind == "collection":
        added["id"] = added["slug"] = find(call, name).slug
    else:
        raise BadRequest(f"Invalid type {kind!r} of an item: expected collection, {', '.join(REPO_TYPES)}")
    if any((old["type"], old["id"]) == (kind, added["id"]) for old in one.items):
        raise AlreadyExists(f"{name} is in this collection already")
    if wish.get("note"):
        added["note"] = {"text": str(wish["note"])}
    one.items.append(added)
    _save(call, one)
    return answer(one.described())


def change_item(call: Call) -> Response:
    """PATCH /api/collections/SLUG/items/ITEM with `{note?, position?}`, or DELETE it"""
    one = _load(call, write=True)
    item = next((item for item in one.items if item["_id"] == call.params["item"]), None)
    if item is None:
        raise NotFound(f"The collection {one.slug} has no item {call.params['item']}")
    if call.request.method == "DELETE":
        one.items.remove(item)
    else:
        wish = call.json()
        if "note" in wish:
            item["note"] = {"text": str(wish["note"])}
        if isinstance(wish.get("position"), int):
            one.items.remove(item)
            one.items.insert(wish["position"], item)
    _save(call, one)
    return answer({"success": True})


def _may_change(call: Call) -> None:
    _load(call, write=True)


_ONE = "/api/collections/{slug:repo}"

routes = [
    Route("/api/collections", endpoint(index)),
    Route("/api/collections", endpoint(create, first=Call.require_writer), methods=["POST"]),
    Route(_ONE, endpoint(show)),
    Route(_ONE, endpoint(update, first=_may_change), methods=["PATCH"]),
    Route(_ONE, endpoint(delete, first=_may_change), methods=["DELETE"]),
    Route(_ONE + "/items", endpoint(add_item, first=_may_change), methods=["POST"]),
    Route(_ONE + "/items/{item:name}", endpoint(change_item, first=_may_change), methods=["PATCH", "DELETE"]),
]
