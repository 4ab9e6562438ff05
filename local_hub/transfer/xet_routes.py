"""Uploads through Xet, which clients with `hf_xet` use by default.

When a shard arrives, its files are rebuilt from the xorbs and stored as LFS objects; the xorbs are deleted. Each upload
session has an address of its own, because clients remember for each address which chunks a server has, and this Hub
keeps none. Downloads do not use Xet, because no answer offers it.
"""

import hashlib
import re
import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import IO

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_hub.disk.durable import publish
from local_hub.errors import BadRequest, DiskFull, NotFound, RepoGone, TooLarge
from local_hub.git.lfs_pointer import LfsPointer
from local_hub.repos.repository import Repository
from local_hub.requests.answers import answer
from local_hub.requests.body import read_body, refuse_encoding, refuse_length, trust
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint
from local_hub.transfer.xet_format import Segment, files_of_shard, read_chunks

_TOKEN_SECONDS = 24 * 3600
_IDLE_SECONDS = 3600
# the limits of the Xet specification, with room for headers
_MAX_XORB_BYTES = 72 * 2**20
_MAX_SHARD_BYTES = 72 * 2**20
_MAX_REBUILDERS = 4  # files that are rebuilt at one time, so that other requests keep their threads
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass
class Session:
    """The xorbs of one client for one repo."""

    repo: Repository
    folder: Path
    last_used: float = field(default_factory=time.monotonic)

    def xorb(self, name: str) -> Path:
        """The path of a xorb. Raises BadRequest for an invalid hash."""
        if not _HASH.fullmatch(name):
            raise BadRequest(f"Invalid xorb hash {name[:80]!r}")
        return self.folder / name

    @contextmanager
    def dropped_when_disk_full(self) -> Iterator[None]:
        """Delete the xorbs if the block raises DiskFull: the rest would not fit."""
        try:
            yield
        except DiskFull:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise


class Sessions:
    """All open sessions by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, Session] = {}

    def open(self, repo: Repository) -> str:
        """Open a session and return its key. Sessions that were idle for an hour are dropped."""
        key, session = secrets.token_urlsafe(24), Session(repo, repo.temporary.new_folder())
        oldest = time.monotonic() - _IDLE_SECONDS
        with self._lock:
            for old in [key for key, session in self._by_key.items() if session.last_used < oldest]:
                shutil.rmtree(self._by_key.pop(old).folder, ignore_errors=True)
            self._by_key[key] = session
        return key

    def get(self, request: Request) -> Session:
        """The session of the key in the address. Raises NotFound, RepoGone."""
        session = self._by_key.get(request.path_params["key"])
        if session is None:
            raise NotFound("This Xet session has expired: start the upload again")
        try:
            session.repo.lock.check()
        except RepoGone:
            shutil.rmtree(session.folder, ignore_errors=True)
            raise
        session.last_used = time.monotonic()
        trust(request)
        return session


def write_token(call: Call) -> Response:
    """GET /api/models/ID/xet-write-token/REV: open a session."""
    repo = call.require_contribution()
    key = call.request.app.state.xet_sessions.open(repo)
    url, expires = f"{call.base_url}/xet/{key}", int(time.time()) + _TOKEN_SECONDS
    headers = {"X-Xet-Cas-Url": url, "X-Xet-Access-Token": key, "X-Xet-Token-Expiration": str(expires)}
    return answer({"casUrl": url, "accessToken": key, "exp": expires}, headers=headers)


async def xorb(request: Request) -> Response:
    """POST /xet/KEY/v1/xorbs/PREFIX/HASH: store a xorb."""
    session = _sessions(request).get(request)
    target = session.xorb(request.path_params["hash"])
    refuse_encoding(request)
    refuse_length(request, _MAX_XORB_BYTES)
    received = 0
    with session.dropped_when_disk_full(), session.repo.temporary.unfinished_file() as file:
        async for chunk in request.stream():
            received += len(chunk)
            if received > _MAX_XORB_BYTES:
                raise TooLarge(_MAX_XORB_BYTES, "The xorb")
            await run_in_threadpool(file.write, chunk)
        await run_in_threadpool(publish, file, target)
    return answer({"was_inserted": True})


async def shard(request: Request) -> Response:
    """POST /xet/KEY/v1/shards: rebuild and store the files of a shard."""
    session = _sessions(request).get(request)
    with request.app.state.hub.held_bodies.reading(request) as room:
        files = await run_in_threadpool(files_of_shard, await read_body(request, _MAX_SHARD_BYTES, room))
    for segments in files:
        await to_thread.run_sync(_rebuild, session, segments, limiter=_rebuilders())
    return answer({"result": 1})


@cache
def _rebuilders() -> CapacityLimiter:
    return CapacityLimiter(_MAX_REBUILDERS)


def _rebuild(session: Session, segments: list[Segment]) -> None:
    hasher, size, announced = hashlib.sha256(), 0, sum(segment.size for segment in segments)
    if announced > shutil.disk_usage(session.folder).free:
        raise DiskFull
    with session.dropped_when_disk_full(), session.repo.temporary.unfinished_file() as file:
        for segment in segments:
            with _open_xorb(session, segment) as stored:
                for chunk in read_chunks(stored, segment.first, segment.end):
                    hasher.update(chunk)
                    file.write(chunk)
                    size += len(chunk)
                    if size > announced:
                        raise BadRequest(f"The shard announces {announced:,} bytes of a file, its chunks hold more")
        # the following commit names the sha256 that the client computed, so a wrongly rebuilt file is not accepted
        digest = hasher.hexdigest()
        session.repo.lfs.accept(file, digest, LfsPointer(digest, size))


def _open_xorb(session: Session, segment: Segment) -> IO[bytes]:
    try:
        return session.xorb(segment.xorb).open("rb")
    except FileNotFoundError:
        raise BadRequest(f"The xorb {segment.xorb} has not been uploaded") from None


async def nothing_known(request: Request) -> Response:
    """Optional addresses that clients try first: known chunks, upload grants, newer shards."""
    raise NotFound("This Hub keeps no chunks and takes xorbs and shards at /v1 only")


def _sessions(request: Request) -> Sessions:
    return request.app.state.xet_sessions


routes = [
    Route("/api/{type:plural}/{id:repo}/xet-write-token/{rev:rev}", endpoint(write_token)),
    Route("/xet/{key:name}/v1/xorbs/{prefix:name}/{hash:name}", xorb, methods=["POST"]),
    Route("/xet/{key:name}/v1/shards", shard, methods=["POST"]),
    Route("/xet/{key:name}/{rest:path}", nothing_known, methods=["GET", "HEAD", "POST", "PUT"]),
]
