"""LFS pointers: the object must be stored, whichever way the pointer is uploaded."""

import base64
import hashlib
import json
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from local_hub.accounts import Accounts, ensure_accounts, first_tokens
from local_hub.app import create_app
from local_hub.git.lfs_pointer import LfsPointer

CONTENT = b"weights\0" * 10
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NOWHERE = "f" * 64


@pytest.fixture
def app(tmp_path: Path) -> Starlette:
    return create_app(tmp_path, Accounts.load(ensure_accounts(tmp_path)))


@pytest.fixture
def client(app: Starlette, tmp_path: Path) -> TestClient:
    headers = {"Authorization": f"Bearer {first_tokens(ensure_accounts(tmp_path))[0]}"}
    client = TestClient(app, headers=headers)
    client.post("/api/repos/create", json={"name": "net"}).raise_for_status()
    body = {"operation": "upload", "objects": [{"oid": SHA256, "size": len(CONTENT)}]}
    batch = client.post("/titlecraft/net.git/info/lfs/objects/batch", json=body).json()
    client.put(batch["objects"][0]["actions"]["upload"]["href"], content=CONTENT).raise_for_status()
    return client


def pointer(sha256: str, size: object) -> bytes:
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()


def commit(client: TestClient, *lines: tuple[str, dict], query: str = ""):
    items = [("header", {"summary": "change"}), *lines]
    body = "\n".join(json.dumps({"key": key, "value": value}) for key, value in items)
    return client.post(f"/api/models/titlecraft/net/commit/main{query}", content=body)


def file(path: str, content: bytes) -> tuple[str, dict]:
    return "file", {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (pointer(NOWHERE, 10), "does not exist"),
        (pointer(SHA256, 10), "says 10 bytes"),
        (pointer(SHA256, 0), "says 0 bytes"),
        (pointer(NOWHERE, "9" * 700), "no file can have"),
        (pointer(SHA256, 2**63), "no file can have"),
        (pointer(NOWHERE, 10).replace(b"oid", b"ext-0-a sha256:1\noid"), "does not exist"),
        (pointer(NOWHERE, 10).rstrip(b"\n"), "does not exist"),
    ],
)
def test_a_plain_file_that_is_a_bad_pointer(client: TestClient, content: bytes, why: str):
    for query in ("", "?create_pr=1"):
        refused = commit(client, file("a.txt", b"text"), file("p.bin", content), query=query)
        assert (refused.status_code, why in refused.json()["error"]) == (400, True), refused.text
        assert "p.bin" in refused.headers["X-Error-Message"]
    assert client.get("/titlecraft/net/resolve/main/a.txt").status_code == 404
    first = [{"path": "p.bin", "content": base64.b64encode(content).decode(), "encoding": "base64"}]
    assert client.post("/api/repos/create", json={"name": "other", "files": first}).status_code == 400
    assert client.get("/api/models/titlecraft/other").status_code == 404


def test_a_good_pointer_and_texts_about_pointers_are_files(client: TestClient):
    texts = {
        "notes.txt": b"version https://git-lfs.github.com/spec/v1 is the first line of a pointer\n",
        "upper.txt": pointer("F" * 64, 10),
        "long.txt": pointer(NOWHERE, 10) + b"x" * 1024,
        "crlf.txt": pointer(NOWHERE, 10).replace(b"\n", b"\r\n"),
    }
    assert commit(client, *(file(path, text) for path, text in texts.items())).status_code == 200
    for path, text in texts.items():
        assert client.get(f"/titlecraft/net/resolve/main/{path}").content == text
    assert commit(client, file("p.bin", pointer(SHA256, len(CONTENT)))).status_code == 200
    assert client.get("/titlecraft/net/resolve/main/p.bin").content == CONTENT


def test_after_its_object_was_deleted(client: TestClient):
    lfs = ("lfsFile", {"path": "p.bin", "oid": SHA256, "size": len(CONTENT)})
    proposed = ("lfsFile", {"path": "pr.bin", "oid": SHA256, "size": len(CONTENT)})
    opened = commit(client, proposed, query="?create_pr=1")
    assert opened.status_code == 200
    assert commit(client, lfs).status_code == 200
    client.post("/api/models/titlecraft/net/lfs-files/batch", json={"deletions": {"sha": [SHA256]}}).raise_for_status()
    for method in ("HEAD", "GET"):
        gone = client.request(method, "/titlecraft/net/resolve/main/p.bin")
        assert (gone.status_code, gone.headers["X-Error-Code"]) == (404, "EntryNotFound")
        assert "was deleted" in gone.headers["X-Error-Message"]
        assert gone.headers["X-Repo-Commit"]
    copied = commit(client, ("copyFile", {"path": "q.bin", "srcPath": "p.bin"}))
    assert (copied.status_code, "does not exist: q.bin" in copied.json()["error"]) == (400, True)
    assert commit(client, ("deletedFile", {"path": "p.bin"})).status_code == 200
    merged = client.post("/api/models/titlecraft/net/discussions/1/merge", json={})
    assert (merged.status_code, "does not exist" in merged.json()["error"]) == (400, True), merged.text


def test_a_bad_pointer_that_is_stored_already_breaks_nothing(app: Starlette, client: TestClient):
    repo = app.state.hub.store.open("model", "titlecraft/net")
    repo.lfs.refuse_bad_pointer = lambda *_: None  # as an older version stored them
    assert (
        commit(client, file("far.bin", pointer(NOWHERE, "9" * 700)), file("short.bin", pointer(SHA256, 5))).status_code
        == 200
    )
    assert client.get("/titlecraft/net/resolve/main/far.bin").content == pointer(NOWHERE, "9" * 700)
    for method in ("HEAD", "GET"):
        answer = client.request(method, "/titlecraft/net/resolve/main/short.bin")
        assert (answer.status_code, "80 bytes" in answer.headers["X-Error-Message"]) == (404, True)
    for address in ("/titlecraft/net", "/titlecraft/net/tree/main", "/api/models/titlecraft/net?blobs=1"):
        assert client.get(address).status_code == 200
    assert client.get("/api/models/titlecraft/net/tree/main").status_code == 200


def test_sizes_that_no_file_has():
    assert LfsPointer.parse(pointer(NOWHERE, 2**63 - 1)) == LfsPointer(NOWHERE, 2**63 - 1)
    assert LfsPointer.parse(pointer(NOWHERE, 2**63)) is None
    assert LfsPointer.is_impossible(pointer(NOWHERE, 2**63))
    assert not LfsPointer.is_impossible(b"text")
