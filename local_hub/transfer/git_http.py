"""`git clone http://HOST/NS/NAME` and `git fetch`: git's smart HTTP protocol for reading, through dulwich.

`git push` is refused: the API checks large files, pull requests and cards.
"""

import io
import os
import zlib
from collections.abc import AsyncIterator, Iterable
from functools import cache
from pathlib import Path
from typing import IO

from anyio import CapacityLimiter, to_thread
from dulwich.errors import GitProtocolError, NotGitRepository
from dulwich.protocol import CAPABILITY_FILTER, ReceivableProtocol
from dulwich.repo import Repo
from dulwich.server import DictBackend, UploadPackHandler
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from local_hub.errors import NO_ROOM, BadRequest, DamagedRepo, DiskFull, TooLarge
from local_hub.repos.repository import Repository
from local_hub.requests.body import read_body
from local_hub.requests.call import Call
from local_hub.requests.endpoint import admitted, endpoint

_NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate", "Expires": "Fri, 01 Jan 1980 00:00:00 GMT"}
_SERVICE = b"# service=git-upload-pack\n"
_READ_BYTES = 2**20
# the wants and haves of a client: 50 bytes for each commit
_MAX_WISH_BYTES = 16 * 2**20
# packs that are made at one time, so that other requests keep their threads
_MAX_PACKERS = 4


def refs(call: Call) -> Response:
    """GET /ID.git/info/refs?service=git-upload-pack"""
    repo = call.repo(files=True)
    service = call.query("service")
    if service == "git-receive-pack":
        # git shows the text of an answer only if it is text/plain
        text = "This Hub takes no 'git push': use 'hf upload' or huggingface_hub, which check what they send\n"
        return PlainTextResponse(text, status_code=403)
    if service != "git-upload-pack":
        raise BadRequest("This Hub speaks git's smart HTTP protocol only: a newer git is needed")
    advertisement = io.BytesIO()
    advertisement.write(b"%04x%s0000" % (len(_SERVICE) + 4, _SERVICE))
    _upload_pack(repo, io.BytesIO(), advertisement, advertise=True)
    return Response(
        advertisement.getvalue(), media_type="application/x-git-upload-pack-advertisement", headers=_NO_CACHE
    )


async def upload_pack(request: Request) -> Response:
    """POST /ID.git/git-upload-pack: a pack of the objects that the client lacks."""
    call = await admitted(request, _may_read)
    repo = await run_in_threadpool(lambda: call.repo(files=True))
    with call.hub.held_bodies.reading(request) as room:
        body = await read_body(request, _MAX_WISH_BYTES, room, gzip=True)
        if request.headers.get("content-encoding") == "gzip":
            body = await run_in_threadpool(_inflate, body)
            room.take(len(body))
        return await _answer(repo, body)


def _may_read(call: Call) -> None:
    call.repo(files=True)


def _inflate(body: bytes) -> bytes:
    """Decompress gzip, which git uses for long requests. Raises BadRequest, TooLarge."""
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        content = unpacker.decompress(body, _MAX_WISH_BYTES)
    except zlib.error as error:
        raise BadRequest(f"The body is not valid gzip: {error}") from None
    if unpacker.unconsumed_tail:
        raise TooLarge(_MAX_WISH_BYTES, "The unpacked body")
    if not unpacker.eof:
        raise BadRequest("The body is not valid gzip: it ends too early")
    return content


async def _answer(repo: Repository, body: bytes) -> Response:
    # a pack may be large, so it is written to disk first; if that fails, the client still gets a proper error
    with repo.temporary.unfinished_file() as pack:
        await to_thread.run_sync(_upload_pack, repo, io.BytesIO(body), pack, limiter=_packers())
        pack.seek(0)
        kept_open = open(pack.name, "rb")  # noqa: PTH123, SIM115 (the file is unlinked now; `_stream` closes it)
    return StreamingResponse(_stream(kept_open), media_type="application/x-git-upload-pack-result", headers=_NO_CACHE)


@cache
def _packers() -> CapacityLimiter:
    return CapacityLimiter(_MAX_PACKERS)


class _UploadPack(UploadPackHandler):
    """dulwich's handler without partial clones, which it offers but cannot serve: git then clones everything."""

    def capabilities(self) -> list[bytes]:
        return [capability for capability in super().capabilities() if capability != CAPABILITY_FILTER]

    def set_client_capabilities(self, caps: Iterable[bytes]) -> None:
        # git warns that it ignores the filter, and still sends it
        super().set_client_capabilities(
            [capability for capability in caps if capability.partition(b"=")[0] != CAPABILITY_FILTER]
        )


def _upload_pack(repo: Repository, request: IO[bytes], answer: IO[bytes], *, advertise: bool = False) -> None:
    with _opened(repo) as git_repo:
        protocol = ReceivableProtocol(request.read, answer.write)
        backend = DictBackend({"/": git_repo})
        try:
            _UploadPack(backend, ["/"], protocol, stateless_rpc=True, advertise_refs=advertise).handle()
        except (GitProtocolError, ValueError) as error:
            # dulwich raises these for a full disk, too
            for cause in (error.__cause__, error.__context__):
                if isinstance(cause, OSError) and cause.errno in NO_ROOM:
                    raise DiskFull from error
            if advertise:  # nothing of the request was read yet
                raise DamagedRepo(f"git cannot read its refs ({type(error).__name__})") from error
            raise BadRequest(f"Not a request of git's protocol: {error}") from None
        except OSError:
            raise
        except Exception as error:  # dulwich raises many kinds of errors for invalid objects
            raise DamagedRepo(f"git cannot read all of its objects ({type(error).__name__})") from error


def _opened(repo: Repository) -> Repo:
    for directory, _, names in os.walk(repo.folder / "refs"):
        for name in names:
            if Path(directory, name).is_fifo():
                raise DamagedRepo(f"its ref {name} is a pipe")  # git would block on it
    try:
        return Repo(str(repo.folder))
    except NotGitRepository as error:
        raise DamagedRepo("git does not take its folder for a repository") from error


async def _stream(file: IO[bytes]) -> AsyncIterator[bytes]:
    with file:
        while block := await run_in_threadpool(file.read, _READ_BYTES):
            yield block


routes = [
    Route("/{place:place}/info/refs", endpoint(refs)),
    Route("/{place:place}/git-upload-pack", upload_pack, methods=["POST"]),
]
