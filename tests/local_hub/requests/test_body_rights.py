"""The right to send a body is checked before the body is read."""

import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from local_hub.requests import body as request_body
from tests.local_hub.requests.asgi_request import NEVER, send

# addresses for which strangers may send a body, because they only read
OPEN = {
    "/api/validate-yaml",
    "/login",
    "/api/{type:plural}/{id:repo}/paths-info/{rev:rev}",
    "/{place:place}/info/lfs/objects/batch",
    "/{place:place}/git-upload-pack",
}


LEFT_ALONE = {"/api/{type:plural}/{rest:path}", "/api/{rest:path}", "/{rest:path}"}


PIECES = {
    "type:plural": "models",
    "id:repo": "titlecraft/net",
    "place:place": "titlecraft/net",
    "rev:rev": "main",
    "name:name": "titlecraft",
    "branch:file": "b",
    "num:int": "1",
    "number:int": "1",
    "slug:repo": "titlecraft/c-" + "0" * 24,
    "rest:path": "x/y/z",
}


def address(pattern: str) -> str:
    """An address that matches a route."""
    for name, value in PIECES.items():
        pattern = pattern.replace("{" + name + "}", value)
    while "{" in pattern:
        start, end = pattern.index("{"), pattern.index("}")
        pattern = pattern[:start] + "x" + pattern[end + 1 :]
    return pattern


def routes_with_bodies(app: Starlette) -> list[tuple[str, str]]:
    routes = [route for route in app.routes if isinstance(route, Route)]
    return [
        (method, route.path)
        for route in routes
        for method in sorted(route.methods or ())
        if method not in ("GET", "HEAD")
    ]


def test_strangers_are_refused_before_their_body_comes(app: Starlette, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(request_body, "_REST_SECONDS", 0.01)
    count = 0
    for method, pattern in routes_with_bodies(app):
        if pattern in OPEN | {"/logout"}:
            continue
        answer = send(app, method, address(pattern), [NEVER], {})
        assert answer.status in (401, 403, 404), (method, pattern, answer)
        assert (answer.taken, answer.finished, answer.headers["connection"]) == (0, True, "close"), (method, pattern)
        count += pattern not in LEFT_ALONE
    assert count > 30


def test_a_token_that_only_reads_is_refused_before_its_body_comes(app: Starlette, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(request_body, "_REST_SECONDS", 0.01)
    allowed = {"/{place:place}/ask-access", "/api/{type:plural}/{id:repo}/like"}
    for method, pattern in routes_with_bodies(app):
        if pattern in OPEN | allowed | {"/logout"}:
            continue
        answer = send(app, method, address(pattern), [NEVER], app.state.reader)
        assert answer.status in (403, 404), (method, pattern, answer)
        assert answer.taken == 0


def test_hidden_repos_take_no_body_from_strangers(app: Starlette, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(request_body, "_REST_SECONDS", 0.01)
    for path in ("git-upload-pack", "info/lfs/objects/batch"):
        assert send(app, "POST", f"/titlecraft/none.git/{path}", [NEVER], {}).status == 401
    assert send(app, "POST", "/api/models/titlecraft/none/paths-info/main", [NEVER], {}).status == 401
