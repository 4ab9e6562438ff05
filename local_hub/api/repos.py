"""Repos: create, rename, delete, duplicate, info, settings, likes: `/api/repos/*`, `/api/models/ID`."""

from collections.abc import Callable

from starlette.responses import Response
from starlette.routing import Route

from local_hub.api.file_content import file_content
from local_hub.errors import AlreadyExists, BadRequest, DamagedRepo, HubError
from local_hub.names import url_path
from local_hub.repos.default_files import first_card
from local_hub.repos.info import RepoInfo
from local_hub.repos.repository import Repository
from local_hub.requests.answers import answer
from local_hub.requests.body import MAX_TEXT_BYTES
from local_hub.requests.call import Call
from local_hub.requests.endpoint import endpoint
from local_hub.untrusted.card_metadata import CARD, refuse_bad_card


def create(call: Call) -> Response:
    """POST /api/repos/create"""
    body = call.json()
    repo_type, repo_id = call.text("type", "model"), _full_id(call)
    namespace = repo_id.split("/")[0]
    call.require_write(namespace)
    organization = call.hub.accounts.organization(namespace)
    private = wants_private(body, default=organization is not None and organization.private_by_default)
    sdk = call.text("sdk") if repo_type == "space" else None
    if repo_type == "space" and not sdk:
        raise BadRequest("A Space needs an 'sdk': gradio, docker, static or streamlit")
    files = first_card(sdk=sdk, license=call.text("license")) | _first_files(call)
    refuse_bad_card(files.get(CARD, b""), repo_type)
    options = {"author": call.user, "private": private, "sdk": sdk, "files": files}
    repo = _or_with_url(call, repo_type, repo_id, lambda: call.hub.store.create(repo_type, repo_id, **options))
    return answer({"url": call.base_url + repo.url_path, "name": repo.id, "id": repo.settings.internal_id})


def _first_files(call: Call) -> dict[str, bytes]:
    """path -> content of the field `files` of the body: `[{path, content, encoding?}]`."""
    return {str(file.get("path")): file_content(str(file.get("path")), file) for file in call.objects("files")}


def delete(call: Call) -> Response:
    """DELETE /api/repos/delete"""
    repo = _named(call, call.text("type", "model"), _full_id(call))
    call.hub.store.delete(repo)
    return answer({"success": True})


def move(call: Call) -> Response:
    """POST /api/repos/move"""
    source, target = call.text("fromRepo", ""), call.text("toRepo", "")
    repo = _named(call, call.text("type", "model"), source)
    if "/" not in target:
        raise BadRequest(f"Invalid 'toRepo' {target!r}: expected namespace/name")
    call.require_write(target.split("/")[0])
    moved = call.hub.store.move(repo, target)
    return answer({"success": True, "url": call.base_url + moved.url_path})


def duplicate(call: Call) -> Response:
    """POST /api/models/ID/duplicate with `{repository, visibility?, private?}`"""
    source = call.repo(files=True)
    body = call.json()
    target = call.text("repository", f"{call.user}/{source.id.split('/')[1]}")
    call.require_write(target.split("/")[0])
    private = wants_private(body, default=source.settings.private)
    repo = _or_with_url(call, source.type, target, lambda: call.hub.store.duplicate(source, target, private=private))
    return answer({"url": call.base_url + repo.url_path, "name": repo.id})


def wants_private(body: dict, *, default: bool) -> bool:
    """The visibility in the fields `visibility` or `private` of a body. Raises BadRequest for unknown values."""
    visibility, private = body.get("visibility"), body.get("private")
    if "visibility" in body and visibility not in ("public", "private"):
        raise BadRequest(f"Invalid 'visibility' {str(visibility)[:40]!r}: this Hub knows 'public' and 'private'")
    if "private" in body and not isinstance(private, bool):
        raise BadRequest(f"Invalid 'private' {str(private)[:40]!r}: expected true or false")
    if visibility is not None and private is not None and (visibility == "private") != private:
        raise BadRequest("'visibility' and 'private' contradict each other: give one of them")
    if visibility is not None:
        return visibility == "private"
    return default if private is None else private


def _may_duplicate(call: Call) -> None:
    call.repo(files=True)
    call.require_writer()


def _or_with_url(call: Call, repo_type: str, repo_id: str, make: Callable[[], Repository]) -> Repository:
    """Return `make()`. Raises AlreadyExists with the `url` of the existing repo, which clients read with `exist_ok`."""
    try:
        return make()
    except AlreadyExists as exists:
        refused: HubError = exists
        try:
            repo_id = call.hub.store.open(repo_type, repo_id).id
        except DamagedRepo as damage:
            refused = damage
        refused.extra |= {"url": f"{call.base_url}{url_path(repo_type, repo_id)}", "id": repo_id}
        raise refused from None


def _named(call: Call, repo_type: str, repo_id: str) -> Repository:
    call.require_token()
    repo = call.find_repo(repo_type, repo_id)
    call.require_write(repo.namespace)
    return repo


def _full_id(call: Call) -> str:
    name = call.text("name", "")
    return name if "/" in name else f"{call.text('organization', call.user)}/{name}"


def info(call: Call) -> Response:
    """GET /api/models/ID[/revision/REV]"""
    repo = call.repo()
    described = RepoInfo(repo, repo.resolve(call.params.get("rev", "main")))
    expand = call.query_list("expand")
    content = described.expanded(expand) if expand else described.full(blobs=call.flag("blobs"))
    if call.flag("securityStatus"):
        content["securityRepoStatus"] = {"scansDone": True, "filesWithIssues": []}
    return answer(content)


def settings(call: Call) -> Response:
    """PUT /api/models/ID/settings: `{private?, visibility?, gated?}`"""
    repo = call.writable_repo()
    body = call.json()
    gated = body.get("gated", False)
    if gated is not False and gated not in ("auto", "manual"):
        raise BadRequest(f"Invalid 'gated' {str(gated)[:40]!r}: expected false, 'auto' or 'manual'")
    wants_private(body, default=True)
    with repo.lock:
        if "gated" in body:
            repo.settings.gated = gated
        repo.settings.private = wants_private(body, default=repo.settings.private)
        repo.save_settings()
    return answer({"private": repo.settings.private, "gated": repo.settings.gated})


def auth_check(call: Call) -> Response:
    """GET /api/models/ID/auth-check[/write]: 200 if the caller may read (write)."""
    repo = call.repo(files=True)
    if call.request.scope["path"].endswith("/write"):
        call.require_write(repo.namespace)
    return answer({"status": "ok"})


def like(call: Call) -> Response:
    """POST and DELETE /api/models/ID/like"""
    repo = call.repo()
    with repo.lock:
        likes = set(repo.settings.likes)
        (likes.add if call.request.method == "POST" else likes.discard)(call.user)
        repo.settings.likes = sorted(likes)
        repo.save_settings()
    return answer({"success": True})


def _may_like(call: Call) -> None:
    call.repo()
    call.require_token()


def likers(call: Call) -> Response:
    """GET /api/models/ID/likers"""
    users = [call.hub.accounts.user(name) for name in call.repo().settings.likes]
    return answer(
        [{"user": user.name, "fullname": user.fullname, "avatarUrl": "", "type": "user"} for user in users if user]
    )


routes = [
    Route(
        "/api/repos/create", endpoint(create, authorize=Call.require_writer, max_bytes=MAX_TEXT_BYTES), methods=["POST"]
    ),
    Route("/api/repos/delete", endpoint(delete, authorize=Call.require_writer), methods=["DELETE"]),
    Route("/api/repos/move", endpoint(move, authorize=Call.require_writer), methods=["POST"]),
    Route("/api/{type:plural}/{id:repo}/duplicate", endpoint(duplicate, authorize=_may_duplicate), methods=["POST"]),
    Route("/api/{type:plural}/{id:repo}/settings", endpoint(settings, authorize=Call.writable_repo), methods=["PUT"]),
    Route("/api/{type:plural}/{id:repo}/auth-check", endpoint(auth_check)),
    Route("/api/{type:plural}/{id:repo}/auth-check/write", endpoint(auth_check)),
    Route("/api/{type:plural}/{id:repo}/like", endpoint(like, authorize=_may_like), methods=["POST", "DELETE"]),
    Route("/api/{type:plural}/{id:repo}/likers", endpoint(likers)),
    Route("/api/{type:plural}/{id:repo}/revision/{rev:rev}", endpoint(info)),
    Route("/api/{type:plural}/{id:repo}", endpoint(info)),
]
