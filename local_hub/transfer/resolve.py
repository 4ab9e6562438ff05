"""Downloads: `/ID/resolve/REV/PATH` with ranges and conditions, `/ID/raw/REV/PATH`, and LFS objects by sha256."""

import io
import mimetypes
import re
import tempfile
from collections.abc import AsyncIterator
from typing import IO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from local_hub.errors import EntryNotFound
from local_hub.git.lfs_pointer import LfsPointer
from local_hub.repos.entry import Entry
from local_hub.repos.repository import Repository
from local_hub.requests.browser_session import BrowserCall
from local_hub.requests.call import Call

_READ_BYTES = 2**20
_RANGE = re.compile(r"bytes=([0-9]*)-([0-9]*)")
# types that a browser may show; other text is sent as text/plain
_SHOWN = ("image/", "audio/", "video/", "application/pdf", "application/json")
# The sandbox gives files of repos an opaque origin: no cookies, no requests to the Hub. HTML files, such as reports, may
# run their own scripts.
_POLICY = "default-src 'none'; img-src 'self' data:; media-src 'self' data:; font-src data:; style-src 'unsafe-inline'"
_SANDBOX = f"{_POLICY}; form-action 'none'; base-uri 'none'; sandbox"
_SANDBOX_OF_PAGES = f"{_POLICY}; script-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; sandbox allow-scripts"


async def resolve(request: Request) -> Response:
    """GET and HEAD /ID/resolve/REV/PATH: the content of a regular or LFS file, without a redirect."""
    call = await run_in_threadpool(BrowserCall, request)
    repo, commit, entry = await run_in_threadpool(_find, call)
    headers = {"X-Repo-Commit": commit, "ETag": f'"{entry.etag}"'}
    if entry.lfs:
        headers |= {"X-Linked-Etag": f'"{entry.lfs.sha256}"', "X-Linked-Size": str(entry.size)}
    headers["Content-Disposition"] = _disposition(entry.path, attachment=call.query("download") is not None)
    try:
        return await send_file(request, repo, entry, headers)
    except EntryNotFound as error:  # its LFS object was deleted
        raise EntryNotFound(error.message, commit=commit) from None


def _find(call: Call) -> tuple[Repository, str, Entry]:
    repo = call.repo(files=True)
    commit = repo.resolve(call.params["rev"])
    return repo, commit, repo.file(commit, call.params["path"])


async def raw(request: Request) -> Response:
    """GET /ID/raw/REV/PATH: the blob in git; for an LFS file the pointer."""
    call = await run_in_threadpool(Call, request)
    repo, commit, entry = await run_in_threadpool(_find, call)
    headers = {"X-Repo-Commit": commit, "ETag": f'"{entry.oid}"'}
    pointer = Entry(entry.path, entry.oid, False, entry.pointer_size or entry.size)
    return await send_file(request, repo, pointer, headers)


async def lfs_object(request: Request) -> Response:
    """GET /lfs-download/models/ID/SHA256: the download address of the LFS batch API."""
    call = await run_in_threadpool(Call, request)
    repo = await run_in_threadpool(lambda: call.repo(files=True))
    sha256 = call.params["sha256"]
    size = await run_in_threadpool(_downloadable_size, call, repo, sha256)
    if size is None:
        raise EntryNotFound(f"The object {sha256} does not exist in {repo.id}")
    return await send_file(request, repo, Entry(sha256, "", False, size, LfsPointer(sha256, size)), {})


def _downloadable_size(call: Call, repo: Repository, sha256: str) -> int | None:
    return repo.lfs.size(sha256) if may_download(call, repo, sha256) else None


def may_download(call: Call, repo: Repository, sha256: str) -> bool:
    """Return True for objects of reachable commits. Other objects are for callers who may write."""
    writes = call.token is not None and call.token.may_write(repo.namespace)
    return writes or repo.reachable.has_lfs(sha256)


async def send_file(request: Request, repo: Repository, entry: Entry, headers: dict[str, str]) -> Response:
    """The response with the content of `entry`: 200, 206 for a range, 304 if unchanged, 416 for an invalid range.

    Raises EntryNotFound if the object of an LFS file is not stored.
    """
    if entry.lfs is not None:
        await run_in_threadpool(repo.lfs_file, entry)
    kind = content_type(entry.path)
    headers = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "no-cache",  # browsers ask each time whether it changed, and get a 304
        "Content-Security-Policy": _SANDBOX_OF_PAGES if kind.startswith("text/html") else _SANDBOX,
        "X-Content-Type-Options": "nosniff",
        "Content-Type": kind,
        **headers,
    }
    etag = headers.get("ETag")
    if etag and etag in map(str.strip, request.headers.get("if-none-match", "").split(",")):
        return Response(status_code=304, headers=headers)
    first, last, status = 0, entry.size - 1, 200
    wanted = request.headers.get("range")
    if wanted and request.headers.get("if-range") in (None, etag):
        match parse_range(wanted, entry.size):
            case None:
                pass
            case (start, end) if start > end:
                return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{entry.size}"})
            case (first, last):
                status = 206
                headers["Content-Range"] = f"bytes {first}-{last}/{entry.size}"
    headers["Content-Length"] = str(last - first + 1)
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(_read(repo, entry, first, last + 1), status_code=status, headers=headers)


def parse_range(header: str, size: int) -> tuple[int, int] | None:
    """(first, last byte) of a `Range` header for a file of `size` bytes; first > last if it cannot be satisfied.

    None for headers that RFC 9110 (14.2) lets servers ignore: other units, several ranges, malformed ones.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[0] == "bytes=-":
        return None
    if not match[1]:
        length = min(_position(match[2]), size)
        return size - length, size - 1
    first, last = _position(match[1]), _position(match[2]) if match[2] else size - 1
    if last < first and match[2]:
        return None
    return first, min(last, size - 1)


def _position(digits: str) -> int:
    """The number of a range, limited to more than any file has."""
    return min(int(digits.lstrip("0")[:20] or "0"), 10**18)


async def _read(repo: Repository, entry: Entry, start: int, end: int) -> AsyncIterator[bytes]:
    if entry.lfs is None:
        content = await run_in_threadpool(repo.objects.blob, entry.oid)
        if len(content) <= _READ_BYTES:
            yield content[start:end]
            return
        # clients may read slowly, so the content is on disk and not in memory
        file = await run_in_threadpool(_on_disk, repo, content)
        del content
    else:
        file = await run_in_threadpool(repo.open_lfs, entry)
    with file:
        file.seek(start)
        while start < end:
            block = await run_in_threadpool(file.read, min(_READ_BYTES, end - start))
            if not block:
                return
            start += len(block)
            yield block


def _on_disk(repo: Repository, content: bytes) -> IO[bytes]:
    """An unnamed temporary file with the content; in memory if the disk is full."""
    file = tempfile.TemporaryFile(dir=repo.temporary.path)  # noqa: SIM115 (its reader closes it)
    try:
        file.write(content)
        file.flush()
    except OSError:
        file.close()
        return io.BytesIO(content)
    return file


def content_type(path: str) -> str:
    """The Content-Type of a file, safe to show at the Hub's address in a sandbox."""
    guessed = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if guessed == "text/html":
        return "text/html; charset=utf-8"
    if guessed.startswith(_SHOWN):
        return guessed
    text = guessed.startswith("text/") or path.endswith((".md", ".jsonl", ".yaml", ".yml", ".toml", ".py"))
    return "text/plain; charset=utf-8" if text else "application/octet-stream"


def _disposition(path: str, *, attachment: bool) -> str:
    kind, name = "attachment" if attachment else "inline", path.rsplit("/", 1)[-1]
    plain = name.encode("ascii", "replace").decode().replace("\\", "_").replace('"', "_")
    return f"{kind}; filename*=UTF-8''{quote(name)}; filename=\"{plain}\""


routes = [
    Route("/{place:place}/resolve/{rev:rev}/{path:file}", resolve, methods=["GET", "HEAD"]),
    Route("/{place:place}/raw/{rev:rev}/{path:file}", raw, methods=["GET", "HEAD"]),
    Route("/lfs-download/{type:plural}/{id:repo}/{sha256:name}", lfs_object, methods=["GET", "HEAD"]),
]
