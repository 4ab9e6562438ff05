"""A full disk: one clear error, no visible change, no temporary files; afterwards everything works again."""

import os
import resource
from collections.abc import Callable, Iterator

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi

from local_hub.server import RunningHub


@pytest.fixture
def no_room(hub: RunningHub) -> Iterator[None]:
    """Limit the files of the server to 300 kB: the system refuses writes as it does for a full disk."""
    before = resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, (300_000, resource.RLIM_INFINITY))
    yield
    resource.prlimit(hub.pid, resource.RLIMIT_FSIZE, before)


def _unfinished(hub: RunningHub) -> list[str]:
    """Temporary files of the Hub. Earlier tests on the same Hub may have left unfinished uploads."""
    return [path.name for path in (hub.root / "tmp").rglob("*") if path.is_file()]


def test_a_large_file(hub: RunningHub, api: HfApi, web: httpx.Client, make_repo: Callable, no_room: None):
    before = _unfinished(hub)
    repo_id, content = make_repo(), os.urandom(2_000_000)
    head = api.repo_info(repo_id).sha
    oid = "0" * 64
    batch = {"operation": "upload", "objects": [{"oid": oid, "size": len(content)}]}
    action = web.post(f"/{repo_id}.git/info/lfs/objects/batch", json=batch).json()["objects"][0]["actions"]["upload"]
    refused = web.put(action["href"], content=content)
    assert refused.status_code == 507
    assert "disk full" in refused.headers["X-Error-Message"]
    assert "disk full" in refused.json()["error"]
    assert api.repo_info(repo_id).sha == head
    assert _unfinished(hub) == before


def test_a_commit(hub: RunningHub, api: HfApi, make_repo: Callable, no_room: None):
    before = _unfinished(hub)
    repo_id = make_repo()
    head = api.repo_info(repo_id).sha
    text = os.urandom(500_000).hex().encode()
    with pytest.raises(Exception, match="disk full"):
        api.create_commit(repo_id, [CommitOperationAdd("a.txt", text)], commit_message="too much")
    assert api.repo_info(repo_id).sha == head
    assert api.list_repo_files(repo_id) == [".gitattributes"]
    assert _unfinished(hub) == before
    api.create_commit(repo_id, [CommitOperationAdd("b.txt", b"small")], commit_message="fits")


def test_afterwards_it_works(hub: RunningHub, api: HfApi, make_repo: Callable):
    repo_id = make_repo()
    api.upload_file(repo_id=repo_id, path_in_repo="a.bin", path_or_fileobj=os.urandom(2_000_000))
    assert "a.bin" in api.list_repo_files(repo_id)
