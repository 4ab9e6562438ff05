"""No input, wrong types included, causes an internal error; tried on every route."""

import asyncio
import inspect
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.routing import Route

from local_hub.community import discussions, pull_requests
from local_hub.errors import HubError
from local_hub.repos.operations import AddFile
from tests.local_hub.pages.pages_world import WRITE_TOKEN, World, parquet

pytestmark = pytest.mark.slow

HEADERS = {"Authorization": f"Bearer {WRITE_TOKEN}"}
# values for each part of an address; the first is a good one
PIECES = {
    "plural": ["models"],
    "repo": ["ada/net", "ada/%C2%B2", "%00/x"],
    "place": ["ada/net", "datasets/ada/net"],
    "rev": ["main", "refs%2Fpr%2F1", "%C2%B2", "refs%2Fheads%2F..%2F..", "0" * 40, "refs%2Fpr%2F" + "9" * 400],
    "name": ["ada", "%00", "x" * 300],
    "file": ["README.md", "%FF%FE", "a/" * 900 + "b"],
    "number": ["1", "99"],
    "path": ["x"],
}
QUERY_VALUES = ["9" * 5000, "²", "-1", "1", "main:²", "\0", "[]", "lastModified"]
RIGHT: dict[str, Any] = {
    "type": "model",
    "name": "other",
    "organization": "ada",
    "fromRepo": "ada/net",
    "toRepo": "ada/net2",
    "repository": "ada/copy",
    "flavor": "cpu-basic",
    "command": ["x"],
    "dockerImage": "y",
    "operation": "upload",
    "title": "title",
    "comment": "text",
    "status": "closed",
    "tag": "v1",
    "deletions": {"sha": ["0" * 64]},
    "target": {"type": "model", "name": "ada/net"},
    "item": {"type": "model", "id": "ada/net"},
    "files": [{"path": "a.txt", "content": "x", "sample": "", "size": 1}],
    "objects": [{"oid": "0" * 64, "size": 3}],
    "user": "eve",
    "content": "text",
    "oid": "0" * 64,
    "size": 3,
    "paths": ["a"],
}
WRONG = [5, None, ["x", 5, None], {"a": 5}, {"path": [], "oid": [], "sha": 5, "name": {}, "type": []}, "\0", 10**200]
RANGES: list[str | bytes] = [
    "bytes=" + "9" * 5000 + "-",
    "bytes=-" + "9" * 5000,
    "bytes=\xb2-".encode("latin-1"),
    "bytes=5-1,7-",
    "bytes=-",
]


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    _restore(made)
    return made


def _restore(world: World) -> None:
    """Create again the repos that requests deleted or renamed."""
    for kind in ("model", "dataset"):
        try:
            repo = world.store.open(kind, "ada/net")
            repo.head()
        except HubError:
            data = {"README.md": "---\ntags: [a]\n---\n# x", "data/train.parquet": parquet({"a": [1]}), "a.json": "[1]"}
            repo = world.repo(kind, "ada/net", data)
        if discussions.numbers(repo):
            continue
        change: dict[str, Any] = {"author": "ada", "summary": "change", "description": "d"}
        pull_requests.open_with_commit(repo, repo.head(), "refs/heads/main", [AddFile("b", b"b")], **change)


def _addresses(route: Route) -> Iterator[str]:
    """Addresses of a route: with good parts, then with each part replaced by each bad one."""
    pieces = re.findall(r"\{(\w+)(?::(\w+))?\}", route.path)
    kinds = {name: kind or "name" for name, kind in pieces}
    good = {name: PIECES[kind][0] for name, kind in kinds.items()}
    for changed in [{}, *({name: bad} for name, kind in kinds.items() for bad in PIECES[kind][1:])]:
        yield re.sub(r"\{(\w+)(?::\w+)?\}", lambda match, c=changed: (good | c)[match[1]], route.path)


def _bodies(route: Route) -> Iterator[bytes]:
    """JSON objects in which each name that the handler reads has every wrong type once."""
    handler = inspect.unwrap(route.endpoint)
    source = inspect.getsource(sys.modules[handler.__module__])
    names = set(re.findall(r"""(?:get|text|objects)\("(\w+)\"""", source)) & _names_in(handler, source)
    yield from (json.dumps(RIGHT | {name: wrong}).encode() for name in sorted(names) for wrong in WRONG)
    yield from (
        b"[" * 100_000,
        b'{"a": ' * 100_000,
        b'{"name": ' + b"9" * 5000 + b"}",
        b'"\\ud800"',
        b"\xff\xfe{\0}\0",
        b"5",
        b"\0",
    )
    yield from (json.dumps({"key": key, "value": wrong}).encode() for key in ("header", "file") for wrong in WRONG)
    header = b'{"key": "header", "value": {"summary": "s"}}\n'
    for key in ("file", "lfsFile", "copyFile", "deletedFile", "deletedFolder", 5):
        for wrong in WRONG:
            value = {"path": "x", "srcPath": "README.md"}
            for name in ("path", "content", "encoding", "oid", "size", "algo", "srcPath", "srcRevision"):
                if "commit" in route.path:
                    yield header + json.dumps({"key": key, "value": value | {name: wrong}}).encode()


def _query_names(route: Route) -> set[str]:
    source = inspect.getsource(sys.modules[inspect.unwrap(route.endpoint).__module__])
    return set(re.findall(r"""(?:query|query_list|number|flag)\("(\w+)\"""", source)) | {"p"}


def _names_in(handler: Any, source: str) -> set[str]:
    """The names in the handler itself and in the private functions of its module."""
    own = inspect.getsource(handler) + "".join(re.findall(r"^def _.*?(?=^\S)", source, re.MULTILINE | re.DOTALL))
    return set(re.findall(r'"(\w+)"', own))


def _requests(route: Route) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for method in sorted((route.methods or {"GET"}) - {"HEAD"}):
        addresses = list(_addresses(route))
        for address in addresses:
            yield method, address, {"content": b"{}"}
        if method == "GET":
            for name in _query_names(route):
                for value in QUERY_VALUES:
                    yield method, addresses[0], {"params": {name: value}}
            for value in RANGES if "resolve" in route.path or "lfs-" in route.path else []:
                yield method, addresses[0], {"headers": {"Range": value}}
        else:
            for body in _bodies(route):
                yield method, addresses[0], {"content": body}


def test_no_request_ends_in_an_internal_error(world: World) -> None:
    seen, failed = asyncio.run(_try_all(world))
    assert not failed, "\n".join(failed[:20])
    assert seen > 2000


async def _try_all(world: World) -> tuple[int, list[str]]:
    seen, failed = 0, []
    transport = httpx.ASGITransport(world.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        for route in world.app.routes:
            if not isinstance(route, Route):
                continue
            for method, address, request in _requests(route):
                headers: Any = HEADERS | request.pop("headers", {})
                answer = await client.request(method, address, headers=headers, **request)
                seen += 1
                if answer.status_code >= 500:
                    failed.append(
                        f"{method} {address[:80]} {str(request)[:120]}: {answer.status_code} {answer.text[:120]}"
                    )
                if method != "GET":
                    _restore(world)
    return seen, failed
