"""Xet uploads whose content is larger than announced."""

import struct
from pathlib import Path

import pyarrow
import pytest
from starlette.testclient import TestClient

from local_hub.accounts import Accounts, ensure_accounts, first_tokens
from local_hub.app import create_app

NAME = "ab" * 32
RAW = b"".join(struct.pack("<Q", int(NAME[start : start + 16], 16)) for start in range(0, 64, 16))


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    accounts = ensure_accounts(tmp_path)
    headers = {"Authorization": f"Bearer {first_tokens(accounts)[0]}"}
    client = TestClient(create_app(tmp_path, Accounts.load(accounts)), headers=headers)
    client.post("/api/repos/create", json={"name": "net"}).raise_for_status()
    return client


def chunk(content: bytes) -> bytes:
    stored = pyarrow.Codec("lz4").compress(content, asbytes=True)
    return b"\0" + len(stored).to_bytes(3, "little") + b"\1" + len(content).to_bytes(3, "little") + stored


def shard(*segments: tuple[int, int, int]) -> bytes:
    """A shard with one file of these segments: (size, first chunk, end)."""
    head = b"\0" * 48 + struct.pack("<32sIIQ", b"f" * 32, 0, len(segments), 0)
    body = b"".join(struct.pack("<32sIIII", RAW, 0, size, first, end) for size, first, end in segments)
    return head + body + b"\xff" * 32 + b"\0" * 16


def send(client: TestClient, xorb: bytes, shards: bytes):
    session_url = client.get("/api/models/titlecraft/net/xet-write-token/main").json()["casUrl"]
    client.post(f"{session_url}/v1/xorbs/default/{NAME}", content=xorb).raise_for_status()
    return client.post(f"{session_url}/v1/shards", content=shards)


def test_what_is_announced_is_taken(client: TestClient, tmp_path: Path):
    assert send(client, chunk(b"a" * 1000) * 3, shard((3000, 0, 3), (1000, 1, 2))).status_code == 200
    assert [path.stat().st_size for path in (tmp_path / "repos").rglob("lfs/**/*") if path.is_file()] == [4000]


@pytest.mark.parametrize(
    ("xorb", "shards", "status", "why"),
    [
        (chunk(b"a" * 1000) * 3, shard((1000, 0, 3)), 400, "announces 1,000 bytes"),
        (chunk(bytes(8 * 2**20)), shard((8 * 2**20, 0, 1)), 400, "a chunk has more than"),
        (chunk(b"a"), shard((1, 0, 2**31)), 400, "it has 1 chunks"),
        (chunk(b"a"), shard(*[(2**32 - 1, 0, 1)] * 100_000), 507, "disk full"),
    ],
)
def test_what_is_not(client: TestClient, tmp_path: Path, xorb: bytes, shards: bytes, status: int, why: str):
    refused = send(client, xorb, shards)
    assert (refused.status_code, why in refused.json()["error"]) == (status, True), refused.text
    assert not [path for path in (tmp_path / "repos").rglob("lfs/**/*") if path.is_file()]
