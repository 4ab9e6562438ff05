"""The commit API: its refusals and their messages."""

import base64
import json
from collections.abc import Callable

import httpx
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError


def send(web: httpx.Client, repo_id: str, *lines: tuple[str, dict], revision: str = "main", **header) -> httpx.Response:
    items = [("header", {"summary": "change", **header}), *lines]
    body = "\n".join(json.dumps({"key": key, "value": value}) for key, value in items)
    headers = {"Content-Type": "application/x-ndjson"}
    return web.post(f"/api/models/{repo_id}/commit/{revision}", content=body, headers=headers)


def file(path: str, content: bytes = b"text") -> tuple[str, dict]:
    return "file", {"path": path, "content": base64.b64encode(content).decode(), "encoding": "base64"}


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", ".git/config", "a\0b", "a/./b", "..\\x"])
def test_a_path_that_leaves_the_repo(web: httpx.Client, make_repo: Callable, path: str):
    assert send(web, make_repo(), file(path)).status_code == 422


@pytest.mark.parametrize(
    "lines",
    [
        [("file", {"content": ""})],
        [("file", {"path": "a", "content": "%%%", "encoding": "base64"})],
        [("lfsFile", {"path": "a.bin", "oid": "0" * 64, "size": 1})],
        [("lfsFile", {"path": "a.bin", "oid": "../../x", "size": 1})],
        [("unknown", {"path": "a"})],
    ],
)
def test_a_line_that_makes_no_sense(web: httpx.Client, make_repo: Callable, lines: list):
    repo_id = make_repo()
    refused = send(web, repo_id, file("good.txt"), *lines)
    assert refused.status_code == 400
    assert refused.headers["X-Error-Message"]
    assert web.get(f"/{repo_id}/resolve/main/good.txt").status_code == 404


def test_a_body_that_is_no_json(web: httpx.Client, make_repo: Callable):
    refused = web.post(f"/api/models/{make_repo()}/commit/main", content=b"{nonsense")
    assert refused.status_code == 400
    assert "Line 1" in refused.json()["error"]


_BODIES = (
    b"",
    b"[]",
    b"{",
    b"null",
    b'"text"',
    b'{"files": 3, "objects": "x", "deletions": [], "target": 1, "tag": [], "name": {}, "title": 5, "status": {}}',
    b'{"files": [1], "objects": [null], "deletions": {"sha": 1}, "target": {}, "startingPoint": "../..", "gated": 1}',
    b'{"files": [{}], "objects": [{}], "deletions": {"sha": [1]}, "name": "..", "fromRepo": "x", "operation": "upload"}',
    b'{"title": "half \\ud800", "name": "\\ud800", "tag": "\\ud800", "comment": "\\ud800", "content": "\\ud800"}',
    b'{"key": "header", "value": 3}',
    b'{"key": "header", "value": {"summary": "\\ud800"}}\n{"key": "file", "value": {"path": "\\ud800", "content": ""}}',
    b'{"key": "header", "value": {"summary": ["x"]}}',
    b'{"key": "header", "value": {"summary": "x"}}\n{"key": "file", "value": []}',
    b'{"key": "header", "value": {"summary": "x"}}\n{"key": "file", "value": {"path": 3}}',
    '{"summary": "\ud800"}'.encode("utf-8", "surrogatepass"),
)


def test_nonsense_is_refused_and_breaks_nothing(web: httpx.Client, make_repo: Callable):
    repo_id = make_repo()
    api_path = f"/api/models/{repo_id}"
    head = web.get(api_path).json()["sha"]
    addresses = [
        ("POST", f"/{repo_id}.git/info/lfs/objects/batch"),
        ("POST", f"/{repo_id}.git/info/lfs/verify"),
        ("POST", f"/{repo_id}.git/git-upload-pack"),
        ("POST", "/api/repos/create"),
        ("POST", "/api/repos/move"),
        ("DELETE", "/api/repos/delete"),
        ("POST", "/api/validate-yaml"),
        ("PUT", f"{api_path}/settings"),
        *(
            ("POST", f"{api_path}/{rest}")
            for rest in (
                "preupload/main",
                "commit/main",
                "paths-info/main",
                "tag/main",
                "discussions",
                "discussions/1/comment",
                "discussions/1/status",
                "lfs-files/batch",
                "lfs-files/duplicate",
                "user-access-request/handle",
                "user-access-request/grant",
            )
        ),
    ]
    for method, address in addresses:
        for body in _BODIES:
            answer = web.request(method, address, content=body)
            assert answer.status_code < 500, (method, address, body, answer.text)
    for query in (
        "tree/main?limit=x",
        "tree/main?cursor=x",
        "tree/main?limit=-1",
        "commits/main?p=-1",
        "discussions?p=x",
    ):
        assert web.get(f"{api_path}/{query}").status_code < 500, query
    assert web.get(api_path).json()["sha"] == head


def test_a_card_with_bad_metadata(web: httpx.Client, make_repo: Callable):
    refused = send(web, make_repo(), file("README.md", b"---\nlicense: 3\ntags: x\n---\n# Card"))
    assert refused.status_code == 400
    assert '"license" must be a string' in refused.json()["error"]


def test_a_stale_parent(web: httpx.Client, make_repo: Callable):
    repo_id = make_repo()
    first = send(web, repo_id, file("a.txt")).json()["commitOid"]
    assert send(web, repo_id, file("b.txt"), parentCommit=first).status_code == 200
    assert send(web, repo_id, file("c.txt"), parentCommit=first).status_code == 412


def test_no_change_is_the_head(web: httpx.Client, make_repo: Callable):
    repo_id = make_repo()
    first = send(web, repo_id, file("a.txt")).json()["commitOid"]
    assert send(web, repo_id, file("a.txt")).json()["commitOid"] == first


def test_commits_go_to_branches_only(web: httpx.Client, api: HfApi, make_repo: Callable):
    repo_id = make_repo()
    api.create_tag(repo_id, tag="v1")
    sha = str(api.repo_info(repo_id).sha)
    for revision in ("v1", "refs%2Ftags%2Fv1", sha, "missing"):
        refused = send(web, repo_id, file("a.txt"), revision=revision)
        assert (refused.status_code, refused.headers["X-Error-Code"]) == (404, "RevisionNotFound")


def test_what_the_client_sends_unchanged_is_not_sent_again(api: HfApi, make_repo: Callable):
    repo_id = make_repo()
    operations = [CommitOperationAdd("a.txt", b"text"), CommitOperationAdd("b.bin", b"weights")]
    first = api.create_commit(repo_id, operations, commit_message="one").oid
    operations = [CommitOperationAdd("a.txt", b"text"), CommitOperationAdd("b.bin", b"weights")]
    assert api.create_commit(repo_id, operations, commit_message="two").oid == first


def test_large_and_binary_and_listed_files_go_to_lfs(api: HfApi, web: httpx.Client, make_repo: Callable):
    repo_id = make_repo()
    files = {"a.txt": b"text", "b.txt": b"nul\0byte", "c.safetensors": b"listed", "empty.bin": b"", "d.txt": b"x"}
    body = [
        {
            "path": path,
            "size": 20_000_000 if path == "d.txt" else len(content),
            "sample": base64.b64encode(content).decode(),
        }
        for path, content in files.items()
    ]
    answer = web.post(f"/api/models/{repo_id}/preupload/main", json={"files": body, "gitIgnore": "*.tmp"}).json()
    modes = {file_["path"]: file_["uploadMode"] for file_ in answer["files"]}
    assert modes == {"a.txt": "regular", "b.txt": "lfs", "c.safetensors": "lfs", "empty.bin": "regular", "d.txt": "lfs"}


def test_pull_request_merge_and_conflict(api: HfApi, make_repo: Callable):
    repo_id = make_repo()
    api.upload_file(repo_id=repo_id, path_in_repo="a.txt", path_or_fileobj=b"old\n")
    opened = [
        api.upload_file(repo_id=repo_id, path_in_repo=path, path_or_fileobj=content, create_pr=True).pr_num
        for path, content in (("a.txt", b"mine\n"), ("a.txt", b"theirs\n"), ("b.txt", b"other\n"))
    ]
    assert opened == [1, 2, 3]
    api.merge_pull_request(repo_id, 1)
    details = api.get_discussion_details(repo_id, 2)
    assert details.conflicting_files == ["a.txt"]
    assert "-old\n+theirs" in str(details.diff)
    with pytest.raises(HfHubHTTPError, match="changed on both sides"):
        api.merge_pull_request(repo_id, 2)
    api.merge_pull_request(repo_id, 3)
    assert api.get_discussion_details(repo_id, 3).status == "merged"
    assert set(api.list_repo_files(repo_id)) == {".gitattributes", "a.txt", "b.txt"}
    refs = api.list_repo_refs(repo_id, include_pull_requests=True)
    assert "refs/pr/2" in [pull_request.name for pull_request in refs.pull_requests or ()]
