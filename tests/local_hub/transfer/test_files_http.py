"""Downloads over HTTP: ranges, conditions, revisions, headers for browsers."""

import os
import time
from collections.abc import Callable

import httpx
import pytest
from huggingface_hub import HfApi

CONTENT = bytes(range(256)) * 4


@pytest.fixture
def repo_id(api: HfApi, make_repo: Callable) -> str:
    repo_id = make_repo()
    api.upload_file(repo_id=repo_id, path_in_repo="w.bin", path_or_fileobj=CONTENT)
    api.upload_file(repo_id=repo_id, path_in_repo="sub/ä b.txt", path_or_fileobj="grüße\n".encode())
    return repo_id


def test_head_tells_everything(web: httpx.Client, api: HfApi, repo_id: str):
    answer = web.head(f"/{repo_id}/resolve/main/w.bin")
    assert answer.status_code == 200
    assert answer.headers["Content-Length"] == answer.headers["X-Linked-Size"] == "1024"
    assert answer.headers["ETag"] == answer.headers["X-Linked-Etag"]
    assert len(answer.headers["ETag"]) == 66
    assert answer.headers["X-Repo-Commit"] == api.repo_info(repo_id).sha
    assert answer.headers["Accept-Ranges"] == "bytes"
    text = web.head(f"/{repo_id}/resolve/main/sub/%C3%A4%20b.txt")
    assert (len(text.headers["ETag"]), "X-Linked-Etag" in text.headers) == (42, False)


@pytest.mark.parametrize("path", ["w.bin", "sub/ä b.txt"])
@pytest.mark.parametrize(
    ("header", "first", "last"), [("0-0", 0, 0), ("2-5", 2, 5), ("-3", -3, None), ("4-", 4, None), ("1-99999", 1, None)]
)
def test_ranges(web: httpx.Client, repo_id: str, path: str, header: str, first: int, last: int | None):
    full = web.get(f"/{repo_id}/resolve/main/{path}").content
    part = web.get(f"/{repo_id}/resolve/main/{path}", headers={"Range": f"bytes={header}"})
    expected = full[first:] if last is None else full[first : last + 1]
    assert (part.status_code, part.content) == (206, expected)
    start = first % len(full)
    assert part.headers["Content-Range"] == f"bytes {start}-{start + len(expected) - 1}/{len(full)}"


def test_ranges_that_cannot_be_or_are_ignored(web: httpx.Client, repo_id: str):
    url = f"/{repo_id}/resolve/main/w.bin"
    refused = web.get(url, headers={"Range": "bytes=1024-"})
    assert (refused.status_code, refused.headers["Content-Range"]) == (416, "bytes */1024")
    for ignored in ("bytes=5-2", "bytes=0-1,3-4", "lines=1-2", "bytes=-"):
        assert web.get(url, headers={"Range": ignored}).content == CONTENT
    changed = {"Range": "bytes=0-3", "If-Range": '"something else"'}
    assert web.get(url, headers=changed).status_code == 200


def test_unchanged_files_are_not_sent_again(web: httpx.Client, repo_id: str):
    url = f"/{repo_id}/resolve/main/w.bin"
    etag = web.head(url).headers["ETag"]
    assert web.get(url, headers={"If-None-Match": f'"x", {etag}'}).status_code == 304


def test_a_long_condition_takes_no_time(web: httpx.Client, repo_id: str):
    url = f"/{repo_id}/resolve/main/w.bin"
    began = time.monotonic()
    assert web.get(url, headers={"If-None-Match": '"x' + " " * 100_000 + 'y"'}).status_code == 200
    assert time.monotonic() - began < 5  # it was 15 seconds, in which nobody else was answered


def test_missing_things_are_told_apart(web: httpx.Client, anonymous: httpx.Client, api: HfApi, repo_id: str):
    entry = web.get(f"/{repo_id}/resolve/main/missing")
    assert (entry.status_code, entry.headers["X-Error-Code"]) == (404, "EntryNotFound")
    assert entry.headers["X-Repo-Commit"] == api.repo_info(repo_id).sha
    revision = web.get(f"/{repo_id}/resolve/missing/w.bin")
    assert (revision.status_code, revision.headers["X-Error-Code"]) == (404, "RevisionNotFound")
    repo = web.get("/titlecraft/missing/resolve/main/w.bin")
    assert (repo.status_code, repo.headers["X-Error-Code"]) == (404, "RepoNotFound")
    hidden = anonymous.get("/titlecraft/missing/resolve/main/w.bin")
    assert (hidden.status_code, hidden.headers["X-Error-Code"]) == (401, "RepoNotFound")
    folder = web.get(f"/{repo_id}/resolve/main/sub")
    assert folder.headers["X-Error-Code"] == "EntryNotFound"


@pytest.mark.parametrize("path", ["../../../../etc/passwd", "%2e%2e%2f%2e%2e%2fhub.json", "..%5c..%5chub.json", "%00"])
def test_no_path_leaves_the_repo(web: httpx.Client, repo_id: str, path: str):
    for kind in ("resolve", "raw"):
        assert web.get(f"/{repo_id}/{kind}/main/{path}").status_code in (404, 422)
    assert web.get(f"/{repo_id}/resolve/..%2f..%2fHEAD/x").status_code == 404


def test_revisions_arrive_quoted_or_not(web: httpx.Client, api: HfApi, repo_id: str):
    number = api.upload_file(repo_id=repo_id, path_in_repo="n.txt", path_or_fileobj=b"new", create_pr=True).pr_num
    api.create_branch(repo_id, branch="feature/x")
    sha = str(api.repo_info(repo_id).sha)
    for revision in (f"refs%2Fpr%2F{number}", f"refs/pr/{number}"):
        assert web.get(f"/{repo_id}/resolve/{revision}/n.txt").content == b"new"
    for revision in ("feature%2Fx", sha, sha[:10], "refs%2Fheads%2Fmain"):
        assert web.get(f"/{repo_id}/resolve/{revision}/w.bin").content == CONTENT


def test_pages_of_authors_are_strangers_here(web: httpx.Client, api: HfApi, repo_id: str):
    api.upload_file(repo_id=repo_id, path_in_repo="x.html", path_or_fileobj=b"<script>alert(1)</script>")
    answer = web.get(f"/{repo_id}/resolve/main/x.html")
    policy = answer.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "allow-same-origin" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_raw_shows_the_pointer(web: httpx.Client, repo_id: str):
    assert web.get(f"/{repo_id}/raw/main/w.bin").text.startswith(
        "version https://git-lfs.github.com/spec/v1\noid sha256:"
    )


def test_listings_have_pages(web: httpx.Client, api: HfApi, make_repo: Callable):
    from huggingface_hub import CommitOperationAdd

    repo_id = make_repo()
    files = [CommitOperationAdd(f"{i:04}.txt", os.urandom(4).hex().encode()) for i in range(1200)]
    api.create_commit(repo_id, files, commit_message="many")
    first = web.get(f"/api/models/{repo_id}/tree/main")
    assert len(first.json()) == 1000
    assert 'rel="next"' in first.headers["Link"]
    api.delete_file("0001.txt", repo_id)  # the second page belongs to the state that the first one showed
    second = web.get(first.links["next"]["url"])
    assert len(first.json()) + len(second.json()) == 1201
    assert len(list(api.list_repo_tree(repo_id, expand=True))) == 1200
