"""Requests that end after their repo was deleted or renamed are refused and leave no files."""

import hashlib
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from local_hub.errors import HubError, RepoGone
from local_hub.git.lfs_pointer import LfsPointer
from local_hub.git.refs import MAIN
from local_hub.repos.operations import AddFile
from local_hub.repos.repository import Repository
from tests.local_hub.pages.pages_world import WRITE_TOKEN, World

HEADERS = {"Authorization": f"Bearer {WRITE_TOKEN}"}
CONTENT = b"x" * 1000
POINTER = LfsPointer(hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))


@pytest.fixture
def world(tmp_path: Path) -> World:
    made = World(tmp_path)
    made.anonymous.headers.update(HEADERS)
    made.repo("model", "ada/net", {"a.txt": "a"})
    return made


def delete(client: TestClient) -> int:
    client.request("DELETE", "/api/repos/delete", json={"name": "net"}).raise_for_status()
    return 404


def rename(client: TestClient) -> int:
    client.post("/api/repos/move", json={"fromRepo": "ada/net", "toRepo": "ada/other"}).raise_for_status()
    return 409


def replace(client: TestClient) -> int:
    """Replace the repo by a new one of the same name: requests for the old one must not change it."""
    delete(client)
    client.post("/api/repos/create", json={"name": "net"}).raise_for_status()
    return 404


def hrefs(client: TestClient, size: int, transfers: list[str]) -> dict:
    body = {"operation": "upload", "transfers": transfers, "objects": [{"oid": POINTER.sha256, "size": size}]}
    return client.post("/ada/net.git/info/lfs/objects/batch", json=body).json()["objects"][0]["actions"]["upload"]


def assert_nothing_left(world: World, tmp_path: Path) -> None:
    models = tmp_path / "hub/repos/models/ada"
    repos = {folder.name for folder in models.iterdir()}
    assert repos == {path["id"].split("/")[1] + ".git" for path in world.anonymous.get("/api/models").json()}
    assert not list(models.rglob(POINTER.sha256))
    second = World(tmp_path)
    for address in ("/", "/api/models", "/ada"):
        assert second.anonymous.get(address).status_code == 200
    assert not (tmp_path / "hub/set-aside").exists()
    assert world.anonymous.post("/api/repos/create", json={"name": "net"}).status_code in (200, 409)


@pytest.mark.parametrize("leave", [delete, rename, replace])
def test_an_upload(world: World, tmp_path: Path, leave: Callable[[TestClient], int]) -> None:
    href = hrefs(world.anonymous, 1000, ["basic"])["href"]
    status = leave(world.anonymous)
    answer = world.anonymous.put(href, content=CONTENT)
    assert answer.status_code == status and "meanwhile: nothing was stored" in answer.json()["error"]
    assert_nothing_left(world, tmp_path)


@pytest.mark.parametrize("leave", [delete, rename, replace])
def test_an_upload_whose_body_is_under_way(world: World, tmp_path: Path, leave: Callable[[TestClient], int]) -> None:
    """The repo is deleted or renamed between the start and the end of the body."""
    href, status = hrefs(world.anonymous, 1000, ["basic"])["href"], 0

    def body():
        nonlocal status
        yield CONTENT[:500]
        status = leave(other)
        yield CONTENT[500:]

    other = world.browser()
    other.headers.update(HEADERS)
    answer = world.anonymous.put(href, content=body())
    assert (answer.status_code, answer.status_code != 0) == (status, True)
    assert_nothing_left(world, tmp_path)


@pytest.mark.parametrize("leave", [delete, rename])
def test_parts_and_xet(
    world: World, tmp_path: Path, leave: Callable[[TestClient], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local_hub.transfer.lfs_routes._PART_BYTES", 400)
    upload = hrefs(world.anonymous, 1000, ["multipart"])
    parts = [upload["header"][name] for name in ("1", "2", "3")]
    for part, start in zip(parts, (0, 400, 800), strict=True):
        assert world.anonymous.put(part, content=CONTENT[start : start + 400]).status_code == 200
    xet = world.anonymous.get("/api/models/ada/net/xet-write-token/main").json()["casUrl"]
    status = leave(world.anonymous)
    for part in parts:
        assert world.anonymous.put(part, content=CONTENT[:400]).status_code == status
    assert world.anonymous.post(upload["href"], json={"oid": POINTER.sha256, "parts": []}).status_code == status
    assert world.anonymous.post(f"{xet}/v1/shards", content=b"").status_code == status
    assert_nothing_left(world, tmp_path)
    assert not any((tmp_path / "hub/tmp").iterdir())


WAYS = {
    "a commit": lambda repo: repo.commit(MAIN, [AddFile("b", b"b")], author="ada", summary="s"),
    "a large file": lambda repo: repo.lfs.store(CONTENT),
    "a file of another repo": lambda repo: repo.lfs.take_from(repo.lfs, POINTER.sha256),
    "settings": lambda repo: _under_lock(repo, repo.save_settings),
    "a branch": lambda repo: _under_lock(repo, lambda: repo.refs.set("refs/heads/b", "0" * 40)),
}


def _under_lock(repo: Repository, change: Callable[[], None]) -> None:
    with repo.lock:
        change()


@pytest.mark.parametrize("way", WAYS)
def test_no_way_of_writing_makes_a_folder_again(world: World, tmp_path: Path, way: str) -> None:
    repo = world.store.open("model", "ada/net")
    world.store.delete(repo)
    with pytest.raises(RepoGone):
        WAYS[way](repo)
    assert not repo.folder.exists() and not any((tmp_path / "hub/tmp").iterdir())
    with pytest.raises(RepoGone):
        world.store.delete(repo)


def test_writers_and_deletes_at_the_same_time(world: World, tmp_path: Path) -> None:
    """Every acknowledged object exists or was deleted with its repo; no other folder is left."""
    stop = threading.Event()
    unexpected: list[BaseException] = []

    def write(number: int) -> None:
        while not stop.is_set():
            try:
                repo = world.store.open("model", "ada/net")
                repo.lfs.store(f"{number} {id(repo)}".encode())
                repo.commit(MAIN, [AddFile(f"{number}.txt", b"x")], author="ada", summary="s")
            except HubError:
                continue
            except BaseException as error:
                unexpected.append(error)
                return

    writers = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(15):
        world.store.delete(world.store.open("model", "ada/net"))
        world.store.create("model", "ada/net", author="ada")
    world.store.delete(world.store.open("model", "ada/net"))
    stop.set()
    for writer in writers:
        writer.join()
    assert not unexpected
    assert not list((tmp_path / "hub/repos/models/ada").iterdir())


def test_a_delete_that_fails_leaves_the_repo_where_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_room(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(world.store.temporary, "discard", no_room)
    answer = world.anonymous.request("DELETE", "/api/repos/delete", json={"name": "net"})
    assert answer.status_code >= 400
    monkeypatch.undo()
    assert world.anonymous.get("/api/models/ada/net").status_code == 200
    body = "\n".join(
        map(
            json.dumps,
            [{"key": "header", "value": {"summary": "s"}}, {"key": "file", "value": {"path": "b", "content": "b"}}],
        )
    )
    assert world.anonymous.post("/api/models/ada/net/commit/main", content=body).status_code == 200


def test_reading_a_repo_that_was_deleted_is_no_damage(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    repo = world.store.open("model", "ada/net")
    original = type(repo).resolve

    def deleted_first(self: Repository, *revision: str) -> str:
        world.store.delete(self)
        return original(self, *revision)

    monkeypatch.setattr(type(repo), "resolve", deleted_first)
    answer = world.anonymous.get("/api/models/ada/net")
    assert answer.status_code == 404 and "deleted meanwhile" in answer.json()["error"]
