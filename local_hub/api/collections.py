"""Collections: titled lists of repos, `/api/collections`. One JSON file each, `ROOT/collections/ID.json`."""

import json
import logging
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from local_hub.community.collection import Collection, read_collection
from local_hub.errors import AlreadyExists, BadRequest, NotFound
from local_hub.names import REPO_TYPES
from local_hub.repos.settings import now
from local_hub.requests.answers import answer
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint
from local_hub.untrusted.data import BadData

_ID = re.compile(r"[0-9a-f]{24}")
_PAGE = 100
_log = logging.getLogger(__name__)


def _folder(call: Call) -> Path:
    return call.hub.store.root / "collections"


def _save(call: Call, collection: Collection) -> None:
    collection.last_updated = now()
    call.hub.store.temporary.write(_folder(call) / f"{collection.id}.json", json.dumps(asdict(collection)).encode())


def _load(call: Call, *, write: bool = False) -> Collection:
    """The collection of the address. Raises NotFound (also for a hidden one), Forbidden."""
    return find(call, call.params["slug"], write=write)


def find(call: Call, slug: str, *, write: bool = False) -> Collection:
    """The collection with this slug. Raises NotFound (also for a hidden one), Forbidden."""
    number = slug.rsplit("-", 1)[-1]
    file = _folder(call) / f"{number}.json"
    collection = _read(file) if _ID.fullmatch(number) else None
    if collection is not None:
        if write and _visible(call, collection):
            call.require_write(collection.owner)
        if _visible(call, collection):
            return collection
    raise NotFound(f"The collection {slug} does not exist")


def _all(call: Call) -> Iterator[Collection]:
    for file in sorted(_folder(call).glob("*.json")):
        if (collection := _read(file)) is not None:
            yield collection


def _read(file: Path) -> Collection | None:
    """The collection in a file; None if it is missing or damaged, which is logged."""
    try:
        return read_collection(file)
    except FileNotFoundError:
        return None
    except (OSError, BadData) as error:
        _log.warning("the collection %s is damaged: %s", file, error)
        return None


def _described(call: Call, collection: Collection) -> dict[str, Any]:
    return collection.described(lambda item: _item_visible(call, collection, item))


def _item_visible(call: Call, collection: Collection, item: dict[str, Any]) -> bool:
    """Return True if the caller may see the item. The owner of the collection also sees items that no longer exist."""
    if item["type"] == "collection":
        other = _read(_folder(call) / f"{_number(item['id'])}.json")
        exists, visible = other is not None, other is not None and _visible(call, other)
    else:
        exists, visible = call.knows(item["type"], item["id"])
    return visible or (not exists and call.token is not None and call.token.belongs_to(collection.owner))


def _number(slug: str) -> str:
    number = slug.rsplit("-", 1)[-1]
    return number if _ID.fullmatch(number) else "none"


def _visible(call: Call, collection: Collection) -> bool:
    return not collection.private or (call.token is not None and call.token.belongs_to(collection.owner))


def visible(call: Call) -> list[Collection]:
    """The collections that the caller may see, the last changed first."""
    seen = [collection for collection in _all(call) if _visible(call, collection)]
    return sorted(seen, key=lambda collection: collection.last_updated, reverse=True)


def index(call: Call) -> Response:
    """GET /api/collections?owner=&item=models/ID&limit="""
    owners, items = call.query_list("owner"), call.query_list("item")
    collections = []
    for collection in visible(call):
        holds = {f"{item['type']}s/{item['id']}" for item in _described(call, collection)["items"]} if items else set()
        if (not owners or collection.owner in owners) and (not items or holds & set(items)):
            collections.append(collection)
    shown = [_described(call, collection) for collection in collections[: call.number("limit", _PAGE, least=1)]]
    for described in shown:
        del described["position"]  # the client adds positions itself and fails if they are given
    return answer(shown)


def create(call: Call) -> Response:
    """POST /api/collections with `{title, namespace, description?, private?}`"""
    body = call.json()
    owner = str(body.get("namespace") or call.user)
    call.require_write(owner)
    collection = Collection(secrets.token_hex(12), owner, title="")
    collection.change(body)
    for other in _all(call):
        if (other.owner, other.title) == (collection.owner, collection.title):
            # with `exists_ok`, the client reads the slug of the answer
            raise AlreadyExists(f"{owner} has a collection of this title already", extra={"slug": other.slug})
    _save(call, collection)
    return answer(_described(call, collection))


def show(call: Call) -> Response:
    """GET /api/collections/SLUG"""
    return answer(_described(call, _load(call)))


def update(call: Call) -> Response:
    """PATCH /api/collections/SLUG with some of `{title, description, private, theme, position}`"""
    collection = _load(call, write=True)
    collection.change(call.json())
    _save(call, collection)
    return answer({"success": True, "data": _described(call, collection)})


def delete(call: Call) -> Response:
    """DELETE /api/collections/SLUG"""
    collection = _load(call, write=True)
    (_folder(call) / f"{collection.id}.json").unlink(missing_ok=True)
    return answer({"success": True})


def add_item(call: Call) -> Response:
    """POST /api/collections/SLUG/items with `{item: {type, id}, note?}`"""
    collection, body = _load(call, write=True), call.json()
    item = body.get("item")
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
    if any((old["type"], old["id"]) == (kind, added["id"]) for old in collection.items):
        raise AlreadyExists(f"{name} is in this collection already")
    if body.get("note"):
        added["note"] = {"text": str(body["note"])}
    collection.items.append(added)
    _save(call, collection)
    return answer(_described(call, collection))


def change_item(call: Call) -> Response:
    """PATCH /api/collections/SLUG/items/ITEM with `{note?, position?}`, or DELETE it"""
    collection = _load(call, write=True)
    item = next((item for item in collection.items if item["_id"] == call.params["item"]), None)
    if item is None:
        raise NotFound(f"The collection {collection.slug} has no item {call.params['item']}")
    if call.request.method == "DELETE":
        collection.items.remove(item)
    else:
        body = call.json()
        if "note" in body:
            item["note"] = {"text": str(body["note"])}
        if isinstance(body.get("position"), int):
            collection.items.remove(item)
            collection.items.insert(max(-len(collection.items), min(body["position"], len(collection.items))), item)
    _save(call, collection)
    return answer({"success": True})


def _may_change(call: Call) -> None:
    _load(call, write=True)


_ONE = "/api/collections/{slug:repo}"

routes = [
    Route("/api/collections", endpoint(index)),
    Route("/api/collections", endpoint(create, authorize=Call.require_writer), methods=["POST"]),
    Route(_ONE, endpoint(show)),
    Route(_ONE, endpoint(update, authorize=_may_change), methods=["PATCH"]),
    Route(_ONE, endpoint(delete, authorize=_may_change), methods=["DELETE"]),
    Route(_ONE + "/items", endpoint(add_item, authorize=_may_change), methods=["POST"]),
    Route(_ONE + "/items/{item:name}", endpoint(change_item, authorize=_may_change), methods=["PATCH", "DELETE"]),
]
