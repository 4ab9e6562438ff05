"""A damaged repo breaks no list: it is listed as damaged, its own addresses answer 409, and `check` finds it."""

import json
import os
from pathlib import Path

import pytest

from local_hub.check.hub import check
from tests.local_hub.pages.pages_world import World, text_of
from tests.local_hub.repos.damages import ADA, BROKEN, EVE, LISTS, UNREADABLE, change_settings, rewrite


@pytest.mark.parametrize("name", [*UNREADABLE, *BROKEN])
def test_one_damaged_repo(root: Path, name: str, capsys: pytest.CaptureFixture) -> None:
    bad = root / "hub/repos/models/ada/bad.git"
    (UNREADABLE | BROKEN)[name](bad)
    world = World(root)
    ada, anonymous = world.browser(), world.browser()
    ada.headers.update(ADA)
    for visitor in (ada, anonymous):
        for address in LISTS:
            assert visitor.get(address).status_code == 200, (address, visitor.get(address).text)
    listed = {repo["id"]: repo.get("damaged") for repo in ada.get("/api/models").json()}
    assert listed["ada/good"] is None and listed["ada/bad"]
    assert "damaged" in text_of(ada.get("/").text)
    public = {repo["id"] for repo in anonymous.get("/api/models").json()}
    assert public == ({"ada/good"} if name in UNREADABLE else {"ada/good", "ada/bad"})
    addresses = (
        "/api/models/ada/bad",
        "/ada/bad",
        "/api/models/ada/bad/tree/main",
        "/ada/bad/resolve/main/1.txt",
        "/ada/bad/tree/main",
    )
    answers = [ada.get(address) for address in addresses]
    if name != "objects in each other's place":
        assert [answer.status_code for answer in answers[:4]] == [409] * 4
        assert answers[0].headers["X-Error-Code"] == "DamagedRepo"
        assert "is damaged: " in answers[0].json()["error"] and str(root) not in answers[0].text
    assert all(answer.status_code < 500 for answer in answers)
    clone = ada.get("/ada/bad.git/info/refs?service=git-upload-pack")
    assert clone.status_code < 500, clone.text

    assert check(root / "hub") == 1
    output = capsys.readouterr().out.splitlines()
    assert (
        output[0].startswith("damaged: model ada/bad: ")
        and output[1] == "1 repos are sound, 1 damaged, and 0 other records"
    )
    assert check(root / "hub", move_damaged=True) == 1
    assert os.path.lexists(root / "hub/set-aside/repos/models/ada/bad.git")
    assert not os.path.lexists(bad)
    assert check(root / "hub") == 0
    assert World(root).browser().post("/api/repos/create", json={"name": "bad"}, headers=ADA).status_code == 200


def test_a_damaged_private_repo_stays_hidden(root: Path) -> None:
    bad = root / "hub/repos/models/ada/bad.git"
    change_settings(private=True)(bad)
    rewrite(bad / "refs/heads/main", b"")
    world = World(root)
    for headers in ({}, EVE):
        assert "ada/bad" not in world.browser().get("/api/models", headers=headers).text
        assert "ada/bad" not in world.browser().get("/", headers=headers).text
        assert "amaged" not in world.browser().get("/api/models/ada/bad", headers=headers).text


def test_a_file_that_cannot_be_read_damages_its_own_address_only(root: Path) -> None:
    store = World(root).store
    repo = store.open("model", "ada/bad")
    oid = repo.file(repo.head(), "config.json").oid
    rewrite(repo.folder / "objects" / oid[:2] / oid[2:], b"")
    world = World(root)
    assert world.anonymous.get("/ada/bad/resolve/main/config.json").status_code == 409
    assert world.anonymous.get("/ada/bad/resolve/main/1.txt").text == "1"
    assert world.anonymous.get("/api/models/ada/bad/tree/main").status_code == 409  # it includes sizes


def test_redirects_that_run_in_a_circle(root: Path) -> None:
    circle = {"model/ada/one": "ada/two", "model/ada/two": "ada/one"}
    (root / "hub/moved.json").write_text(json.dumps(circle))
    assert World(root).anonymous.get("/api/models/ada/one", headers=ADA).status_code == 404


def test_a_damaged_repo_exists_for_clients_that_would_make_it(root: Path) -> None:
    answer = World(root).browser().post("/api/repos/create", json={"name": "good"}, headers=ADA)
    assert (answer.status_code, answer.json()["url"]) == (409, "http://127.0.0.1:8080/ada/good")
    rewrite(root / "hub/repos/models/ada/bad.git/hub.json", b"")
    answer = World(root).browser().post("/api/repos/create", json={"name": "bad"}, headers=ADA)
    assert (answer.status_code, answer.json()["url"]) == (409, "http://127.0.0.1:8080/ada/bad")
    assert "is damaged" in answer.json()["error"]
