"""Only the exact value makes a repo public, and nobody without access learns the name of a private repo."""

import json
import re
from pathlib import Path

import pytest
from starlette.routing import Route

from tests.local_hub.pages.pages_world import OTHER_TOKEN, WRITE_TOKEN, World

ADA, EVE = {"Authorization": f"Bearer {WRITE_TOKEN}"}, {"Authorization": f"Bearer {OTHER_TOKEN}"}
ODD = [
    "protected",
    "Private",
    "PUBLIC",
    " private",
    "internal",
    "",
    None,
    0,
    1,
    True,
    [],
    ["private"],
    {"private": True},
]
SECRET = "zz-secret-zz"


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.repo("model", "ada/net", {"README.md": "# Net"})
    return made


@pytest.mark.parametrize("word", ODD, ids=repr)
@pytest.mark.parametrize("kind", ["model", "dataset", "space"])
def test_no_odd_visibility_makes_a_repo_public(world: World, kind: str, word: object) -> None:
    client = world.browser()
    client.headers.update(ADA)
    body = {"name": "made", "type": kind, "sdk": "static"}
    for value in (
        {"visibility": word},
        {"visibility": word, "private": False},
        {"private": "no" if isinstance(word, bool) else word},
    ):
        answer = client.post("/api/repos/create", json=body | value)
        assert (answer.status_code == 400 and "'visibility'" in answer.text) or "'private'" in answer.text, value
    world.repo(kind, "ada/hidden", {}, private=True)
    for value in ({"visibility": word}, {"private": "no" if isinstance(word, bool) else word}):
        assert client.put(f"/api/{kind}s/ada/hidden/settings", json=value).status_code == 400
        assert (
            client.post(f"/api/{kind}s/ada/hidden/duplicate", json=value | {"repository": "ada/copy"}).status_code
            == 400
        )
    assert world.store.open(kind, "ada/hidden").settings.private
    ids = [repo["id"] for repo in client.get(f"/api/{kind}s").json()]
    assert not {"ada/made", "ada/copy"} & set(ids)


def test_the_words_that_count(world: World) -> None:
    client = world.browser()
    client.headers.update(ADA)
    for name, body in (
        ("a", {}),
        ("b", {"visibility": "public"}),
        ("c", {"private": False}),
        ("d", {"visibility": "private"}),
        ("e", {"private": True}),
    ):
        client.post("/api/repos/create", json={"name": name} | body).raise_for_status()
    assert [world.store.open("model", f"ada/{name}").settings.private for name in "abcde"] == [
        False,
        False,
        False,
        True,
        True,
    ]
    client.post("/api/models/ada/d/duplicate", json={"repository": "ada/copy"}).raise_for_status()
    assert world.store.open("model", "ada/copy").settings.private
    assert client.put("/api/models/ada/d/settings", json={"gated": "auto"}).json() == {"private": True, "gated": "auto"}
    assert client.put("/api/models/ada/d/settings", json={"visibility": "public", "private": True}).status_code == 400
    assert client.post("/api/collections", json={"title": "c", "private": "yes"}).status_code == 400


def test_no_address_tells_the_name_of_what_is_private(world: World) -> None:
    """All GET routes, as callers without access."""
    ada = world.browser()
    ada.headers.update(ADA)
    for kind in ("model", "dataset", "space"):
        world.repo(
            kind,
            f"ada/{SECRET}",
            {"README.md": f"---\nbase_model: ada/net\ndatasets: [ada/net]\ntags: [{SECRET}]\n---\n"},
            private=True,
        )
        world.repo(kind, f"ada/old-{kind}", {}, private=True)
        ada.post(
            "/api/repos/move", json={"fromRepo": f"ada/old-{kind}", "toRepo": f"ada/{SECRET}-{kind}", "type": kind}
        ).raise_for_status()
        ada.post(f"/api/{kind}s/ada/{SECRET}/like").raise_for_status()
    slug = ada.post("/api/collections", json={"title": "open"}).json()["slug"]
    hidden = ada.post("/api/collections", json={"title": SECRET, "private": True}).json()["slug"]
    for item in (
        *({"type": kind, "id": f"ada/{SECRET}"} for kind in ("model", "dataset", "space")),
        {"type": "collection", "id": hidden},
        {"type": "model", "id": "ada/net"},
    ):
        ada.post(f"/api/collections/{slug}/items", json={"item": item}).raise_for_status()
    (world.store.root / "repos/models/ada" / f"{SECRET}-model.git" / "hub.json").write_text("{}")
    world = World(world.store.root.parent)

    pieces = {
        "plural": "models",
        "repo": "ada/net",
        "place": "ada/net",
        "rev": "main",
        "file": "README.md",
        "name": "ada",
        "number": "1",
        "path": "x",
    }
    paths = {
        re.sub(r"\{\w+(?::(\w+))?\}", lambda match: pieces[match[1] or "name"], route.path)
        for route in world.app.routes
        if isinstance(route, Route) and "GET" in (route.methods or {"GET"})
    }
    paths |= {path.replace("models", other) for path in paths for other in ("datasets", "spaces")}
    paths |= {f"/api/{kind}s/ada/old-{kind}" for kind in ("model", "dataset", "space")} | {
        "/ada/old-model",
        "/datasets/ada/old-dataset",
    }
    paths |= {
        f"/api/collections/{slug}",
        f"/collections/{slug}",
        "/?q=zz",
        "/api/models?search=zz&full=1&cardData=1",
        "/api/models?filter=region:us",
    }
    for path in sorted(paths):
        for headers in ({}, EVE):
            answer = world.browser().get(path, headers=headers)
            assert SECRET not in answer.text + str(answer.headers), path
    assert len(world.browser().get("/api/collections").json()) == 1
    assert world.browser().get(f"/api/collections?item=models/ada/{SECRET}").json() == []
    assert world.browser().get("/api/users/ada/overview").json()["numLikes"] == 0
    seen = json.dumps(world.browser().get(f"/api/collections/{slug}").json()["items"])
    assert [item["id"] for item in json.loads(seen)] == ["ada/net"] and json.loads(seen)[0]["position"] == 0

    own = world.browser()
    assert len(own.get(f"/api/collections/{slug}", headers=ADA).json()["items"]) == 5
    moved = own.get("/api/models/ada/old-model", headers=ADA)
    assert moved.status_code == 404 or SECRET in moved.headers["Location"]
    assert SECRET in own.get("/api/datasets/ada/old-dataset", headers=ADA).headers["Location"]
    assert own.get("/api/users/ada/overview", headers=ADA).json()["numLikes"] == 3


def test_a_redirect_says_nothing_of_a_repo_that_became_private(world: World) -> None:
    client = world.browser()
    client.post("/api/repos/move", json={"fromRepo": "ada/net", "toRepo": "ada/new"}, headers=ADA).raise_for_status()
    assert client.get("/api/models/ada/net").headers["Location"] == "/api/models/ada/new"
    client.put("/api/models/ada/new/settings", json={"visibility": "private"}, headers=ADA).raise_for_status()
    assert (
        client.get("/api/models/ada/net").status_code,
        client.get("/api/models/ada/net", headers=EVE).status_code,
    ) == (401, 404)
    assert (
        client.get("/ada/net").status_code == 404 and client.get("/ada/net/resolve/main/README.md").status_code == 401
    )
    assert client.get("/api/models/ada/net", headers=ADA).status_code == 307
