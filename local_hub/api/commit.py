"""Commits: `preupload` answers how to send each file, `commit` takes all changes as lines of JSON."""

import base64
import binascii
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_hub.api.file_content import file_content
from local_hub.api.upload_rules import UploadRules
from local_hub.community import pull_requests
from local_hub.errors import BadRequest, EntryNotFound, RevisionNotFound, StaleParent, TooLarge
from local_hub.names import check_file_path
from local_hub.repos.operations import AddFile, AddLfsFile, CopyFile, DeleteFile, DeleteFolder, Operation
from local_hub.repos.repository import Repository
from local_hub.requests.answers import answer
from local_hub.requests.body import MAX_TEXT_BYTES, refuse_encoding, refuse_length
from local_hub.requests.call import Call
from local_hub.requests.endpoint import admitted, endpoint
from local_hub.untrusted.card_metadata import check_card, refuse_bad_card
from local_hub.untrusted.data import BadData, read_json_object

# one line of the body is one file in base64; the client sends files of more than 10 MB through LFS
_MAX_LINE_BYTES = 48 * 2**20
_MAX_COMMIT_BYTES = 4 * 2**30


def preupload(call: Call) -> Response:
    """POST /api/models/ID/preupload/REV[?create_pr=1]: `lfs` or `regular` for each file, and its present `oid`.

    The client skips a file with the same `oid`: the sha256 of an LFS file, the git blob id of a regular file.
    """
    repo = _contributed_to(call)
    commit = repo.resolve(call.params["rev"])
    ignored = call.json().get("gitIgnore")
    rules = UploadRules(repo, commit, None if ignored is None else str(ignored))
    files = []
    for file in call.objects("files"):
        path = check_file_path(str(file.get("path") or ""))
        try:
            sample = base64.b64decode(file.get("sample") or "")
            size = int(file.get("size") or 0)
        except (binascii.Error, ValueError, TypeError) as error:
            raise BadRequest(f"{path}: 'sample' must be base64 and 'size' a number ({error})") from None
        mode = "lfs" if rules.goes_to_lfs(path, size, sample) else "regular"
        described = {"path": path, "uploadMode": mode, "shouldIgnore": rules.is_ignored(path)}
        with suppress(EntryNotFound):
            described["oid"] = repo.file(commit, path).etag
        files.append(described)
    return answer({"files": files, "commitOid": commit})


async def commit(request: Request) -> Response:
    """POST /api/models/ID/commit/REV[?create_pr=1] with lines of JSON.

    The body is written to disk first, so an aborted request changes nothing and a large commit needs no memory.
    """
    call = await admitted(request, _contributed_to)
    refuse_encoding(request)
    refuse_length(request, _MAX_COMMIT_BYTES)
    received = 0
    with call.hub.store.temporary.unfinished_file() as body:
        async for chunk in request.stream():
            received += len(chunk)
            if received > _MAX_COMMIT_BYTES:
                raise TooLarge(_MAX_COMMIT_BYTES, "The commit")
            await run_in_threadpool(body.write, chunk)
        body.seek(0)
        return await run_in_threadpool(_commit, call, body)


def _commit(call: Call, body: IO[bytes]) -> Response:
    creating = _opens_pull_request(call)
    repo = _contributed_to(call)
    revision = call.params["rev"]
    lines = _lines(body)
    header = next((value for key, value in lines if key == "header"), None)
    if header is None or not isinstance(header.get("summary"), str) or not header["summary"].strip():
        raise BadRequest("The first line of a commit must be a 'header' with a 'summary'")
    written: dict[str, Any] = {
        "check_file": lambda path, content: refuse_bad_card(content, repo.type),
        "author": call.user,
        "summary": header["summary"],
        "description": str(header.get("description") or ""),
    }
    operations = _operations(repo, lines)
    parent = header.get("parentCommit")
    if parent is not None and not isinstance(parent, str):
        raise BadRequest("'parentCommit' of a commit must be text")
    with repo.lock:
        if creating:
            base = _branch_ref(repo, revision)
            start = repo.resolve(parent or revision)
            oid, number = pull_requests.open_with_commit(repo, start, base, operations, **written)
            url = f"{call.base_url}{repo.url_path}/discussions/{number}"
            return answer(_done(call, repo, oid) | {"pullRequestUrl": url})
        ref = _branch_ref(repo, revision)
        if parent is not None and parent != repo.refs.get(ref):
            raise StaleParent
        oid = repo.commit(ref, operations, **written)
        pull_requests.note_commit(repo, ref, oid, call.user)
        return answer(_done(call, repo, oid))


def _done(call: Call, repo: Repository, oid: str) -> dict[str, Any]:
    url = f"{call.base_url}{repo.url_path}/commit/{oid}"
    return {"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""}


def _opens_pull_request(call: Call) -> bool:
    return call.flag("create_pr")


def _contributed_to(call: Call) -> Repository:
    """The repo, if the caller may open a pull request (`create_pr`) or commit to the revision."""
    return call.require_contribution() if _opens_pull_request(call) else _target(call)


def _target(call: Call) -> Repository:
    """The repo, if the caller may commit to the revision: a writer of the repo, or the author of the pull request."""
    number = pull_requests.number_of(call.params["rev"])
    if number is not None:
        repo = call.require_contribution()
        if pull_requests.is_author(repo, number, call.user):
            return repo
    return call.writable_repo()


def _branch_ref(repo: Repository, revision: str) -> str:
    """The ref of a branch or pull request. Raises RevisionNotFound, also for a tag or a sha."""
    ref = revision if revision.startswith("refs/") else f"refs/heads/{revision}"
    if repo.refs.get(ref) is None or ref.startswith("refs/tags/"):
        raise RevisionNotFound(f"Invalid rev id: {revision} (not a branch)")
    return ref


def _lines(body: IO[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 0
    while line := body.readline(_MAX_LINE_BYTES):
        number += 1
        if len(line) == _MAX_LINE_BYTES and not line.endswith(b"\n"):
            raise TooLarge(_MAX_LINE_BYTES, f"Line {number} of the commit (send such a file through LFS)")
        if not line.strip():
            continue
        try:
            item = read_json_object(line, strict=True, most_bytes=_MAX_LINE_BYTES)
            key, value = item["key"], item["value"]
        except BadData as error:
            raise BadRequest(f"Line {number} of the commit is not valid JSON: {error}") from None
        except KeyError:
            key = value = None
        if not isinstance(key, str) or not isinstance(value, dict):
            raise BadRequest(f"Line {number} of the commit is not a JSON object with 'key' and 'value'")
        yield key, value


def _operations(repo: Repository, lines: Iterator[tuple[str, dict[str, Any]]]) -> Iterator[Operation]:
    for key, value in lines:
        path = value.get("path")
        if not isinstance(path, str):
            raise BadRequest(f"A {key!r} line of the commit has no 'path'")
        match key:
            case "file":
                yield AddFile(path, file_content(path, value))
            case "lfsFile":
                if value.get("algo", "sha256") != "sha256":
                    raise BadRequest(f"{path}: LFS files are identified by sha256, not by {value['algo']!r}")
                yield AddLfsFile(path, str(value.get("oid")), value.get("size"))
            case "deletedFile":
                yield DeleteFile(path)
            case "deletedFolder" | "deletedEntry":
                yield DeleteFolder(path)
            case "copyFile":
                source, revision = value.get("srcPath"), value.get("srcRevision")
                if not isinstance(source, str) or not isinstance(revision, str | None):
                    raise BadRequest(f"{path}: 'srcPath' of a copy must be text, and 'srcRevision' too if it is given")
                yield CopyFile(path, source, revision)
            case _:
                raise BadRequest(f"Unknown line {key!r} in a commit")


def validate_yaml(call: Call) -> Response:
    """POST /api/validate-yaml with `{content, repoType}`"""
    body = call.json()
    errors, warnings = check_card(str(body.get("content") or ""), str(body.get("repoType") or "model"))
    content = {"errors": [{"message": text} for text in errors], "warnings": [{"message": text} for text in warnings]}
    return answer(content, status=400 if errors else 200)


routes = [
    Route(
        "/api/{type:plural}/{id:repo}/preupload/{rev:rev}",
        endpoint(preupload, authorize=_contributed_to),
        methods=["POST"],
    ),
    Route("/api/{type:plural}/{id:repo}/commit/{rev:rev}", commit, methods=["POST"]),
    Route("/api/validate-yaml", endpoint(validate_yaml, max_bytes=MAX_TEXT_BYTES), methods=["POST"]),
]
