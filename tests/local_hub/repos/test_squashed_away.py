"""Unreachable commits and files are not served, and duplicates do not contain them."""

import base64
import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from local_hub.accounts import Accounts, ensure_accounts, first_tokens
from local_hub.app import create_app

REPO = "/api/models/titlecraft/net"
SECRET = b"secret weights\0"
SHA256 = hashlib.sha256(SECRET).hexdigest()


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    accounts = ensure_accounts(tmp_path)
    headers = {"Authorization": f"Bearer {first_tokens(accounts)[0]}"}
    client = TestClient(create_app(tmp_path, Accounts.load(accounts)), headers=headers)
    client.post("/api/repos/create", json={"name": "net"}).raise_for_status()
    return client


@pytest.fixture
def stranger(client: TestClient) -> TestClient:
    return TestClient(client.app)


def commit(client: TestClient, summary: str, *lines: tuple[str, dict], branch: str = "main", query: str = "") -> str:
    items = [("header", {"summary": summary}), *lines]
    body = "\n".join(json.dumps({"key": key, "value": value}) for key, value in items)
    return client.post(f"{REPO}/commit/{branch}{query}", content=body).raise_for_status().json()["commitOid"]


def file(path: str, content: bytes) -> tuple[str, dict]:
    return "file", {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}


def large(client: TestClient, path: str) -> tuple[str, dict]:
    body = {"operation": "upload", "objects": [{"oid": SHA256, "size": len(SECRET)}]}
    pointer = client.post("/titlecraft/net.git/info/lfs/objects/batch", json=body).json()["objects"][0]
    if "actions" in pointer:
        client.put(pointer["actions"]["upload"]["href"], content=SECRET).raise_for_status()
    return "lfsFile", {"path": path, "oid": SHA256, "size": len(SECRET)}


def statuses(client: TestClient, commit: str, repo: str = "titlecraft/net") -> set[int]:
    """The statuses of all addresses that take a commit id."""
    addresses = [
        f"/{repo}/{kind}/{revision}/k.txt"
        for kind in ("resolve", "raw", "blob")
        for revision in (commit, commit[:7], commit[:12])
    ]
    addresses += [f"/api/models/{repo}/{kind}/{commit}" for kind in ("revision", "tree", "commits")]
    addresses += [f"/{repo}/commit/{commit}", f"/{repo}/tree/{commit}"]
    return {client.get(address, follow_redirects=False).status_code for address in addresses}


def lfs_statuses(client: TestClient, repo: str = "titlecraft/net") -> tuple[int, bool]:
    """(direct download, whether the batch API offers one)"""
    body = {"operation": "download", "objects": [{"oid": SHA256, "size": len(SECRET)}]}
    offered = client.post(f"/{repo}.git/info/lfs/objects/batch", json=body).json()["objects"][0]
    return client.get(f"/lfs-download/models/{repo}/{SHA256}").status_code, "actions" in offered


def squash(client: TestClient) -> None:
    client.post(f"{REPO}/super-squash/main", json={}).raise_for_status()


def test_a_squashed_branch(client: TestClient, stranger: TestClient):
    old = commit(client, "one", file("k.txt", b"OLD"), large(client, "w.bin"))
    assert statuses(stranger, old) == {200}
    assert lfs_statuses(stranger) == (200, True)
    commit(client, "two", ("deletedFile", {"path": "k.txt"}), ("deletedFile", {"path": "w.bin"}))
    assert statuses(stranger, old) == {200}  # readable as long as a ref leads to it
    squash(client)
    assert statuses(stranger, old) == {404}
    assert statuses(client, old) == {404}
    assert client.post(f"{REPO}/branch/again", json={"startingPoint": old}).status_code == 404
    wanted = f"0032want {old}\n0000".encode() + b"0009done\n"
    refused = stranger.post("/titlecraft/net.git/git-upload-pack", content=wanted)
    assert (refused.status_code, b"PACK" in refused.content) == (400, False)
    assert lfs_statuses(stranger) == (404, False)
    assert lfs_statuses(client) == (200, True)  # the owner may list them
    new = commit(client, "three", file("k.txt", b"NEW"))
    assert statuses(stranger, new) == {200}


def test_a_tag_keeps_what_it_names(client: TestClient, stranger: TestClient):
    old = commit(client, "one", file("k.txt", b"OLD"), large(client, "w.bin"))
    client.post(f"{REPO}/tag/main", json={"tag": "v1"}).raise_for_status()
    commit(client, "two", ("deletedFile", {"path": "w.bin"}))
    squash(client)
    assert statuses(stranger, old) == {200}
    assert lfs_statuses(stranger) == (200, True)
    client.delete(f"{REPO}/tag/v1").raise_for_status()
    assert statuses(stranger, old) == {404}
    assert lfs_statuses(stranger) == (404, False)


@pytest.mark.parametrize("how", ["deleted", "overwritten"])
def test_a_branch_that_is(client: TestClient, stranger: TestClient, how: str):
    client.post(f"{REPO}/branch/side", json={}).raise_for_status()
    old = commit(client, "one", file("k.txt", b"OLD"), branch="side")
    assert statuses(stranger, old) == {200}
    if how == "deleted":
        client.delete(f"{REPO}/branch/side").raise_for_status()
    else:
        client.post(f"{REPO}/branch/side", json={"startingPoint": "main", "overwrite": True}).raise_for_status()
    assert statuses(stranger, old) == {404}


def test_a_pull_request_is_kept(client: TestClient, stranger: TestClient):
    old = commit(client, "one", file("k.txt", b"OLD"), query="?create_pr=1")
    assert statuses(stranger, old) == {200}
    client.post(f"{REPO}/discussions/1/merge", json={}).raise_for_status()
    assert statuses(stranger, old) == {200}


def test_history_that_was_rewritten(client: TestClient, stranger: TestClient):
    old = commit(client, "one", file("k.txt", b"OLD"), large(client, "w.bin"))
    deletions = {"deletions": {"sha": [SHA256], "rewriteHistory": True}}
    client.post(f"{REPO}/lfs-files/batch", json=deletions).raise_for_status()
    assert statuses(stranger, old) == {404}
    assert client.get("/titlecraft/net/resolve/main/k.txt").content == b"OLD"


def test_a_copy_holds_what_its_refs_lead_to(client: TestClient, stranger: TestClient, tmp_path: Path, fsck: Callable):
    client.put(f"{REPO}/settings", json={"private": True}).raise_for_status()
    many = [file(f"kept/{number}.txt", b"kept %d" % number) for number in range(20)]  # these make a pack
    old = commit(client, "one", file("k.txt", b"OLD"), large(client, "w.bin"), *many)
    commit(client, "two", ("deletedFile", {"path": "k.txt"}), ("deletedFile", {"path": "w.bin"}))
    squash(client)
    expected = commit(client, "three", file("new.txt", b"NEW"))
    client.post(f"{REPO}/tag/main", json={"tag": "v1"}).raise_for_status()
    request = commit(client, "four", file("k.txt", b"PROPOSED"), query="?create_pr=1")
    client.post(f"{REPO}/duplicate", json={"repository": "titlecraft/copy", "private": False}).raise_for_status()
    assert statuses(stranger, old, "titlecraft/copy") == {404}
    assert statuses(stranger, request, "titlecraft/copy") == {404}
    assert lfs_statuses(stranger, "titlecraft/copy") == (404, False)
    copy = tmp_path / "repos" / "models" / "titlecraft" / "copy.git"
    fsck(copy)
    command = ["git", "-c", "safe.directory=*", "--git-dir", str(copy), "cat-file", "--batch-all-objects", "--batch"]
    everything = subprocess.run(command, capture_output=True, check=True).stdout
    assert b"OLD" not in everything
    assert b"PROPOSED" not in everything
    assert not [path for path in (copy / "lfs").rglob("*") if path.is_file()]
    assert stranger.get("/titlecraft/copy/resolve/v1/new.txt").content == b"NEW"
    assert stranger.get("/titlecraft/copy/resolve/main/kept/7.txt").content == b"kept 7"
    assert stranger.get("/api/models/titlecraft/copy").json()["sha"] == expected


def test_a_copy_has_the_large_files_that_it_uses(client: TestClient, stranger: TestClient, tmp_path: Path):
    commit(client, "one", large(client, "w.bin"))
    client.post(f"{REPO}/duplicate", json={"repository": "titlecraft/copy", "private": False}).raise_for_status()
    client.request("DELETE", "/api/repos/delete", json={"name": "net"}).raise_for_status()
    assert stranger.get("/titlecraft/copy/resolve/main/w.bin").content == SECRET
    assert lfs_statuses(stranger, "titlecraft/copy") == (200, True)
