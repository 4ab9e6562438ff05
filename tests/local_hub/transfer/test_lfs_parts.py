"""Multipart LFS uploads in this process, with parts of some bytes instead of gigabytes."""

import errno
import hashlib
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from local_hub.accounts import Accounts, ensure_accounts, first_tokens
from local_hub.app import create_app
from local_hub.transfer import lfs_routes

CONTENT = b"0123456789" * 10


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(lfs_routes, "_PART_BYTES", 30)
    accounts = ensure_accounts(tmp_path)
    headers = {"Authorization": f"Bearer {first_tokens(accounts)[0]}"}
    client = TestClient(create_app(tmp_path, Accounts.load(accounts)), headers=headers)
    client.post("/api/repos/create", json={"name": "net"}).raise_for_status()
    return client


def promised(client: TestClient) -> dict:
    pointer = {"oid": hashlib.sha256(CONTENT).hexdigest(), "size": len(CONTENT)}
    body = {"operation": "upload", "transfers": ["basic", "multipart"], "objects": [pointer]}
    answer = client.post("/titlecraft/net.git/info/lfs/objects/batch", json=body).json()
    return answer["objects"][0].get("actions")


def unfinished(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "tmp").rglob("*") if path.is_file()]


def test_parts_in_any_order_make_the_file(client: TestClient, tmp_path: Path):
    actions = promised(client)
    header = actions["upload"]["header"]
    assert header.pop("chunk_size") == "30"
    assert sorted(header) == ["1", "2", "3", "4"]
    assert client.post(actions["upload"]["href"], json={}).status_code == 400  # nothing has arrived
    for number in (3, 1, 4, 2):
        part = client.put(header[str(number)], content=CONTENT[30 * (number - 1) : 30 * number])
        assert part.headers["ETag"]
    assert client.put(header["1"], content=CONTENT).status_code == 413
    for _ in range(2):  # clients repeat requests that were not answered in time
        assert client.post(actions["upload"]["href"], json={}).status_code == 200
    assert promised(client) is None
    assert unfinished(tmp_path) == []


def test_wrong_content_is_not_taken(client: TestClient, tmp_path: Path):
    actions = promised(client)
    for number in range(1, 5):
        client.put(actions["upload"]["header"][str(number)], content=b"x" * (30 if number < 4 else 10))
    refused = client.post(actions["upload"]["href"], json={})
    assert (refused.status_code, "Upload does not match" in refused.json()["error"]) == (400, True)
    assert promised(client) is not None
    assert client.put(f"/lfs-upload/{'x' * 32}/1", content=b"x").status_code == 404


def test_a_full_disk_leaves_no_parts(client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    actions = promised(client)
    client.put(actions["upload"]["header"]["1"], content=CONTENT[:30])
    assert len(unfinished(tmp_path)) == 1

    async def no_room(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(lfs_routes, "_receive", no_room)
    refused = client.put(actions["upload"]["header"]["2"], content=CONTENT[30:60])
    assert (refused.status_code, "disk full" in refused.json()["error"]) == (507, True)
    assert unfinished(tmp_path) == []
