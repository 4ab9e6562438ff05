"""JSON answers, and the answers to errors in the form that clients expect."""

from typing import Any, overload

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
    """A JSON response."""
    return JSONResponse(content, status_code=status, headers=headers)


def refusal(request: Request, error: HubError) -> Response:
    """The response to a failed request: status, JSON for people, headers for clients."""
    if isinstance(error, RepoMoved):
        return _redirect(request, error.new_id)
    headers = {"X-Error-Message": _one_line(error.message)}
    if error.code:
        headers["X-Error-Code"] = error.code
    if commit := getattr(error, "commit", None):
        headers["X-Repo-Commit"] = commit
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Hub", charset="UTF-8"'  # git asks for a token
    return answer({"error": error.message, **error.extra}, status=error.status, headers=headers)


@overload
def true_reason(request: Request, error: HubError) -> HubError: ...


@overload
def true_reason(request: Request, error: Exception) -> Exception: ...


def true_reason(request: Request, error: Exception) -> Exception:
    """The HubError that explains `error`, or `error` itself.

    A damage that is found while the repo is being deleted or renamed is RepoGone. An OSError while a repo is read is
    DamagedRepo.
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
    """The text for a header: printable latin-1 on one line."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(printable.split()).encode("latin-1", "replace").decode("latin-1")


def _redirect(request: Request, new_id: str) -> Response:
    place = request.path_params.get("place")
    old_id = place.id if place else request.path_params.get("id")
    if old_id is None:  # the body names the repo, so a redirect would not help
        headers = {"X-Error-Code": "RepoNotFound", "X-Error-Message": f"This repository is called {new_id} now"}
        return answer({"error": headers["X-Error-Message"]}, status=404, headers=headers)
    path, query = request.scope["path"], request.url.query
    target = path.replace(old_id, new_id, 1) + (f"?{query}" if query else "")
    return answer({"error": f"Moved to {new_id}"}, status=307, headers={"Location": target})
