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
    one = _read(file) if _ID.fullmatch(number) else None
    if one is not None:
        if write and _visible(call, one):
            call.require_write(one.owner)
        if _visible(call, one):
            return one
    raise NotFound(f"The collection {slug} does not exist")


def _all(call: Call) -> Iterator[Collection]:
    for file in sorted(_folder(call).glob("*.json")):
        if (one := _read(file)) is not None:
            yield one


def _read(file: Path) -> Collection | None:
    """None for one that is not there, and for a damaged one, which the log names."""
    try:
        return read_collection(file)
    except FileNotFoundError:
        return None
    except (OSError, BadData) as error:
        _log.warning("the collection %s is damaged: %s", file, error)
        return None


def _described(call: Call, one: Collection) -> dict[str, Any]:
    return one.described(lambda item: _item_visible(call, one, item))


def _item_visible(call: Call, one: Collection, item: dict[str, Any]) -> bool:
    """True for what the caller may know of; what is not on this Hub any more is shown to the collection's owner."""
    if item["type"] == "collection":
        other = _read(_folder(call) / f"{_number(item['id'])}.json")
        exists, seen = other is not None, other is not None and _visible(call, other)
    else:
        exists, seen = call.knows(item["type"], item["id"])
    return seen or (not exists and call.token is not None and call.token.belongs_to(one.owner))


def _number(slug: str) -> str:
    number = slug.rsplit("-", 1)[-1]
    return number if _ID.fullmatch(number) else "none"


def _visible(call: Call, one: Collection) -> bool:
    return not one.private or (call.token is not None and call.token.belongs_to(one.owner))


def index(call: Call) -> Response:
    """GET /api/collections?owner=&item=models/ID&limit="""
    owners, items = call.query_list("owner"), call.query_list("item")
    found = []
    for one in _all(call):
        holds = {f"{item['type']}s/{item['id']}" for item in _described(call, one)["items"]} if items else set()
        if _visible(call, one) and (not owners or one.owner in owners) and (not items or holds & set(items)):
            found.append(one)
    found.sort(key=lambda one: one.last_updated, reverse=True)
    shown = [_described(call, one) for one in found[: call.number("limit", _PAGE, least=1)]]
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
    for other in _all(call):
        if (other.owner, other.title) == (
            one.owner,
            one.title,
        ):  # the client's `exists_ok` reads the slug of the answer
            raise AlreadyExists(f"{owner} has a collection of this title already", extra={"slug": other.slug})
    _save(call, one)
    return answer(_described(call, one))


def show(call: Call) -> Response:
    """GET /api/collections/SLUG"""
    return answer(_described(call, _load(call)))


def update(call: Call) -> Response:
    """PATCH /api/collections/SLUG with some of `{title, description, private, theme, position}`"""
    one = _load(call, write=True)
    one.change(call.json())
    _save(call, one)
    return answer({"success": True, "data": _described(call, one)})


def delete(call: Call) -> Response:
    """DELETE /api/collections/SLUG"""
    one = _load(call, write=True)
    (_folder(call) / f"{one.id}.json").unlink(missing_ok=True)
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
    return answer(_described(call, one))


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
            one.items.insert(max(-len(one.items), min(wish["position"], len(one.items))), item)
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
