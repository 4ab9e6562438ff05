"""Large files: git-lfs's batch API, and the addresses that it returns for uploads and downloads.

Upload addresses need no token, like the pre-signed ones of the Hub. They contain a random key for one object, which
expires an hour after its last use or when the server stops.
"""

import hashlib
from pathlib import Path
from typing import IO, Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from local_hub.disk.durable import room_or_disk_full
from local_hub.errors import BadRequest, NotFound, TooLarge
from local_hub.git.lfs_pointer import MAX_OBJECT_BYTES, LfsPointer
from local_hub.repos.repository import Repository
from local_hub.requests.answers import answer
from local_hub.requests.body import MAX_JSON_BYTES, read_body, refuse_encoding, refuse_length, trust
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint
from local_hub.transfer.lfs_uploads import Upload, Uploads
from local_hub.transfer.resolve import may_download

# larger files are sent in parts, so that a broken connection costs one part; smaller ones are written only once
_PART_BYTES = 2 * 2**30
_MAX_PARTS = 10_000
_MAX_OBJECTS = 2000  # in one request; clients send some hundreds
_WRITE_BYTES = 2**20
_LFS_JSON = "application/vnd.git-lfs+json"


def batch(call: Call) -> Response:
    """POST /ID.git/info/lfs/objects/batch. An uploaded object without `actions` is stored already."""
    body = call.json()
    uploading = body.get("operation") == "upload"
    repo = call.require_contribution() if uploading else call.repo(files=True)
    transfers = body.get("transfers") or []
    if not isinstance(transfers, list):
        raise BadRequest("'transfers' must be a list of names")
    multipart = "multipart" in transfers
    objects, used_multipart = [], False
    wanted = call.objects("objects")
    if len(wanted) > _MAX_OBJECTS:
        raise BadRequest(f"{len(wanted):,} objects in one request: at most {_MAX_OBJECTS:,} are taken", status=413)
    for item in wanted:
        pointer = _pointer(item)
        described = {"oid": pointer.sha256, "size": pointer.size}
        stored = repo.lfs.size(pointer.sha256)
        if not uploading and stored is not None and not may_download(call, repo, pointer.sha256):
            stored = None
        if uploading and stored is None:
            described["authenticated"] = True
            described["actions"] = _upload_actions(call, repo, pointer, multipart)
            used_multipart |= "chunk_size" in described["actions"]["upload"]["header"]
        elif not uploading and stored is None:
            described["error"] = {"code": 404, "message": f"Object {pointer.sha256} does not exist in {repo.id}"}
        elif not uploading:
            described["authenticated"] = True
            href = _download_address(call, repo, pointer.sha256)
            described["actions"] = {"download": {"href": href, "header": _own_authorization(call)}}
        objects.append(described)
    content = {"transfer": "multipart" if used_multipart else "basic", "objects": objects, "hash_algo": "sha256"}
    response = answer(content)
    response.headers["content-type"] = _LFS_JSON
    return response


def _pointer(item: dict[str, Any]) -> LfsPointer:
    if not isinstance(item.get("size"), int) or not 0 <= item["size"] <= MAX_OBJECT_BYTES:
        raise BadRequest(f"Invalid size {str(item.get('size'))[:40]!r} of the object {item.get('oid')!r}")
    return LfsPointer(str(item.get("oid")), item["size"])


def _upload_actions(call: Call, repo: Repository, pointer: LfsPointer, multipart: bool) -> dict:
    lfs_url = f"{call.base_url}{repo.url_path}.git/info/lfs"
    verify = {"href": f"{lfs_url}/verify", "header": _own_authorization(call)}
    if multipart and pointer.size > _PART_BYTES:
        part_bytes = max(_PART_BYTES, -(-pointer.size // _MAX_PARTS))
        key = _uploads(call.request).add(Upload(repo, pointer, part_bytes))
        count = -(-pointer.size // part_bytes)
        width = len(str(count))
        parts = {f"{n:0{width}d}": f"{call.base_url}/lfs-upload/{key}/{n}" for n in range(1, count + 1)}
        header = {"chunk_size": str(part_bytes), **parts}
        return {"upload": {"href": f"{call.base_url}/lfs-upload/{key}", "header": header}, "verify": verify}
    key = _uploads(call.request).add(Upload(repo, pointer))
    return {"upload": {"href": f"{call.base_url}/lfs-upload/{key}", "header": {}}, "verify": verify}


def _own_authorization(call: Call) -> dict[str, str]:
    header = call.request.headers.get("authorization")
    return {"Authorization": header} if header else {}


def _download_address(call: Call, repo: Repository, sha256: str) -> str:
    return f"{call.base_url}/lfs-download/{repo.type}s/{repo.id}/{sha256}"


def _uploads(request: Request) -> Uploads:
    return request.app.state.uploads


def _promised(request: Request) -> Upload:
    """The upload of the key in the address. Raises NotFound, RepoGone."""
    pending = _uploads(request).get(request.path_params["key"])
    trust(request)
    return pending


async def upload(request: Request) -> Response:
    """PUT /lfs-upload/KEY: the whole object, which is stored if its sha256 is right."""
    pending = _promised(request)
    with pending.repo.temporary.unfinished_file() as file:
        digest = await _receive(request, file, pending.pointer.size)
        await run_in_threadpool(pending.repo.lfs.accept, file, digest, pending.pointer)
    return Response()


async def upload_part(request: Request) -> Response:
    """PUT /lfs-upload/KEY/N: one part. The client sends its ETag again to complete the upload."""
    pending, number = _promised(request), request.path_params["number"]
    if pending.part_bytes is None or not 1 <= number <= -(-pending.pointer.size // pending.part_bytes):
        raise BadRequest(f"This upload has no part {number}")
    if pending.parts is None:
        pending.parts = pending.repo.temporary.new_folder()
    with pending.parts_dropped_when_disk_full(), pending.repo.temporary.unfinished_file() as file:
        digest = await _receive(request, file, pending.part_bytes)
        file.flush()
        Path(file.name).rename(pending.parts / str(number))  # not synced: parts do not outlive the server
    return Response(headers={"ETag": f'"{digest}"'})


async def _receive(request: Request, file: IO[bytes], most: int) -> str:
    """Write the body to `file` and return its sha256. Raises TooLarge if it has more than `most` bytes, DiskFull."""
    refuse_encoding(request)
    refuse_length(request, most)
    hasher, waiting, received = hashlib.sha256(), bytearray(), 0

    def write(block: bytes) -> None:
        hasher.update(block)
        file.write(block)

    async for chunk in request.stream():
        received += len(chunk)
        if received > most:
            raise TooLarge(most, "The upload")
        waiting += chunk
        if len(waiting) >= _WRITE_BYTES:
            block, waiting = bytes(waiting), bytearray()
            await run_in_threadpool(write, block)
    await run_in_threadpool(write, bytes(waiting))
    return hasher.hexdigest()


async def complete(request: Request) -> Response:
    """POST /lfs-upload/KEY with `{oid, parts}`: join the parts."""
    _promised(request)
    with request.app.state.hub.held_bodies.reading(request) as room:
        await read_body(request, MAX_JSON_BYTES, room)
    await run_in_threadpool(_join, request)
    return answer({"success": True})


def _join(request: Request) -> None:
    pending = _uploads(request).get(request.path_params["key"])
    if pending.repo.lfs.size(pending.pointer.sha256) == pending.pointer.size:
        return
    count = -(-pending.pointer.size // (pending.part_bytes or pending.pointer.size))
    hasher = hashlib.sha256()
    with pending.parts_dropped_when_disk_full(), pending.repo.temporary.unfinished_file() as file:
        for number in range(1, count + 1):
            part = pending.parts / str(number) if pending.parts else None
            if part is None or not part.exists():
                raise BadRequest(f"Part {number} of {count} has not been uploaded")
            with part.open("rb") as source:
                while block := source.read(_WRITE_BYTES):
                    hasher.update(block)
                    file.write(block)
            part.unlink()  # so the parts and the whole never need twice the space
        pending.repo.lfs.accept(file, hasher.hexdigest(), pending.pointer)
    pending.drop_parts()


def verify(call: Call) -> Response:
    """POST /ID.git/info/lfs/verify with `{oid, size}`"""
    repo = call.require_contribution()
    body = call.json()
    if repo.lfs.size(str(body.get("oid"))) != body.get("size"):
        raise NotFound(f"The object {body.get('oid')} has not been uploaded to {repo.id}")
    return answer({"success": True})


def duplicate(call: Call) -> Response:
    """POST /api/models/ID/lfs-files/duplicate with `{target: {type, name}, files: [{sha256}]}`: copy objects to another repo."""
    source = call.repo(files=True)
    target_wish = call.json().get("target")
    if not isinstance(target_wish, dict):
        raise BadRequest("'target' must name a repo: {type, name}")
    target = call.find_repo(str(target_wish.get("type") or "model"), str(target_wish.get("name")), files=True)
    call.require_write(target.namespace)
    succeeded, failed = [], []
    for file in call.objects("files"):
        sha256 = str(file.get("sha256"))
        if source.lfs.size(sha256) is None or not may_download(call, source, sha256):
            failed.append({"sha256": sha256, "error": f"There is no such object in {source.id}"})
            continue
        with room_or_disk_full():
            target.lfs.take_from(source.lfs, sha256)
        succeeded.append({"sha256": sha256})
    return answer({"success": succeeded, "failed": failed})


def _may_list(call: Call) -> None:
    call.repo(files=True)


def _may_take(call: Call) -> None:
    call.repo(files=True)
    call.require_writer()


routes = [
    Route("/{place:place}/info/lfs/objects/batch", endpoint(batch, authorize=_may_list), methods=["POST"]),
    Route("/{place:place}/info/lfs/verify", endpoint(verify, authorize=Call.require_contribution), methods=["POST"]),
    Route("/lfs-upload/{key:name}", upload, methods=["PUT"]),
    Route("/lfs-upload/{key:name}", complete, methods=["POST"]),
    Route("/lfs-upload/{key:name}/{number:number}", upload_part, methods=["PUT"]),
    Route(
        "/api/{type:plural}/{id:repo}/lfs-files/duplicate", endpoint(duplicate, authorize=_may_take), methods=["POST"]
    ),
]
