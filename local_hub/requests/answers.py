"""The answers of handlers: JSON, and what a refusal looks like to clients."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_hub.errors import (
    NO_ROOM,
    DamagedRepo,
    HubError,
    RepoGone,
    RepoMoved,
)


def answer(content: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A JSON answer."""
    return JSONResponse(content, status_code=status, headers=headers)


def refusal(request: Request, error: HubError) -> Response:
    """The answer to a request that failed: status and JSON for people, headers for the clients."""
    if isinstance(error, RepoMoved):
        return _redirect(request, error.new_id)
    headers = {"X-Error-Message": _one_line(error.message)}
    if error.code:
        headers["X-Error-Code"] = error.code
    if commit := getattr(error, "commit", None):
        headers["X-Repo-Commit"] = commit
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Hub", charset="UTF-8"'  # makes git ask for a token
    return answer({"error": error.message, **error.extra}, status=error.status, headers=headers)


def true_reason(request: Request, error: Exception) -> Exception:
    """The refusal that a failure amounts to, or `error` itself.

    A file of the repo that the system cannot read is damage; and what seems damaged may have been deleted or renamed
    while it was read.
    """
    repo = getattr(request.state, "repo", None)
    if repo is None or not isinstance(error, DamagedRepo | OSError):
        return error
    if isinstance(error, OSError) and (error.errno is None or error.errno in NO_ROOM):
        return error
    try:
        repo.lock.check()
    except RepoGone as gone:
        return gone
    if isinstance(error, OSError):
        return DamagedRepo(f"one of its files cannot be read ({error.strerror})")
    return error


def _one_line(text: str) -> str:
    """What a header can hold: printable latin-1, no line breaks."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split()).encode("latin-1", "replace").decode("latin-1")


def _redirect(request: Request, new_id: str) -> Response:
    place = request.path_params.get("place")
    old_id = place.id if place else request.path_params.get("id")
    if old_id is None:  # the body names the repo: the same request to another address would not find it either
        headers = {"X-Error-Code": "RepoNotFound", "X-Error-Message": f"This repository is called {new_id} now"}
        return answer({"error": headers["X-Error-Message"]}, status=404, headers=headers)
    path, query = request.scope["path"], request.url.query
    target = path.replace(old_id, new_id, 1) + (f"?{query}" if query else "")
    return answer({"error": f"Moved to {new_id}"}, status=307, headers={"Location": target})
