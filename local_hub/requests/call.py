"""One request as the handlers see it: who asks, for which repo, with what; and the answers they give.

Handlers are plain functions `(Call) -> Response` that run in a thread, because storage blocks; `endpoint` makes them
into Starlette's, and refuses who may not send a body before it reads one. Handlers that stream large bodies are written
against Starlette directly, and call `admitted` first.
"""

import base64
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache, wraps
from typing import Any
from urllib.parse import parse_qsl, urlencode

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from local_hub.accounts import Accounts, Token
from local_hub.errors import (
    NO_ROOM,
    BadRequest,
    DamagedRepo,
    DisabledRepo,
    Forbidden,
    GatedRepo,
    HubError,
    InvalidCredentials,
    RepoGone,
    RepoMoved,
    RepoNotFound,
)
from local_hub.repos.repository import Repository
from local_hub.repos.store import Store
from local_hub.requests import url_parts
from local_hub.requests.body import MOST_JSON_BYTES, HeldBodies, has_body, read_body, trust
from local_hub.untrusted.data import BadData, read_json

_MOST_DIGITS = 15  # of a number in the query
# Parsing holds Python's one lock: forty threads that do, and everybody else waits for seconds. So many bodies of strangers
# are worked on at one time, so many that are long, and so many long ones of those with a token. Short ones need not wait.
_SHORT_BYTES, _LONG_BYTES_OF_STRANGERS, _LONG_BYTES = 4 * 2**10, 64 * 2**10, 2**20
_MOST_OF_STRANGERS, _MOST_LONG_OF_STRANGERS, _MOST_LONG = 2, 1, 4


@dataclass(frozen=True)
class Hub:
    """What the whole application shares."""

    store: Store
    accounts: Accounts
    held_bodies: HeldBodies = field(default_factory=HeldBodies)


class Call:
    """A request with its caller known. Raises InvalidCredentials for a token that does not exist."""

    def __init__(self, request: Request, body: bytes = b""):
        self.request = request
        self.hub: Hub = request.app.state.hub
        self.params: dict[str, Any] = request.path_params
        self.body = body
        self.token = self._authenticate(request.headers.get("authorization", ""))

    def _authenticate(self, header: str) -> Token | None:
        scheme, _, value = header.partition(" ")
        value = value.strip()
        if scheme.lower() == "basic":  # git and git-lfs: the token is the password
            try:
                user, _, password = base64.b64decode(value).decode().partition(":")
            except ValueError:
                raise InvalidCredentials from None
            value = password or user
        if not value:
            return None
        token = self.hub.accounts.token(value)
        if token is None:
            raise InvalidCredentials
        return token

    @property
    def user(self) -> str:
        """The caller's name. Raises InvalidCredentials for anonymous callers."""
        return self.require_token().user.name

    def require_token(self) -> Token:
        """The caller's token. Raises InvalidCredentials for anonymous callers."""
        if self.token is None:
            raise InvalidCredentials("Invalid username or password: this needs a token")
        return self.token

    @property
    def base_url(self) -> str:
        """How this client reaches the Hub, e.g. `http://127.0.0.1:8080`."""
        return str(self.request.base_url).rstrip("/")

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises BadRequest."""
        try:
            value = read_json(self.body or b"{}", strict=True)
        except BadData as error:
            raise BadRequest(f"The body is not valid JSON: {error}") from None
        if not isinstance(value, dict):
            raise BadRequest("The body must be a JSON object")
        return value

    def text(self, name: str, default: str | None = None) -> str | None:
        """The text at `name` in the body; `default` when it is absent, null or empty. Raises BadRequest."""
        value = self.json().get(name)
        if value is not None and not isinstance(value, str):
            raise BadRequest(f"{name!r} must be text")
        return value or default

    def objects(self, name: str, within: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The list of JSON objects at `name` in the body (or in a part of it); empty when absent. Raises BadRequest."""
        value = (self.json() if within is None else within).get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise BadRequest(f"{name!r} must be a list of JSON objects")
        return value

    def form(self) -> list[tuple[str, str]]:
        """The body as form fields (or the lists of a JSON object): (name, value) pairs."""
        if "json" in self.request.headers.get("content-type", ""):
            pairs = []
            for key, value in self.json().items():
                pairs += [(key, item) for item in (value if isinstance(value, list) else [value])]
            return pairs
        return parse_qsl(self.body.decode("utf-8", errors="replace"), keep_blank_values=True)

    def query(self, name: str) -> str | None:
        """One query parameter."""
        return self.request.query_params.get(name)

    def query_list(self, name: str) -> list[str]:
        """A query parameter that may come several times, or as `name[]`."""
        parameters = self.request.query_params
        return parameters.getlist(name) + parameters.getlist(f"{name}[]")

    def number(self, name: str, default: int, *, least: int = 0) -> int:
        """A whole number from the query. Raises BadRequest."""
        text = self.query(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS or int(text) < least:
            raise BadRequest(
                f"Invalid {name!r}: {text[:40]!r}, expected a whole number, {least} or more, of at most {_MOST_DIGITS} digits"
            )
        return int(text)

    def flag(self, name: str) -> bool:
        """True for `?name=1`, `?name=true`, `?name=True`."""
        return (self.query(name) or "").lower() in ("1", "true", "yes", "on")

    def repo(self, *, files: bool = False) -> Repository:
        """The repo that the address names, if the caller may see it; with `files`, also what is in it.

        Raises RepoNotFound (also when it is hidden: nobody learns that it exists), RepoMoved, DisabledRepo, GatedRepo.
        """
        place = self.params.get("place") or url_parts.Place(self.params["type"], self.params["id"])
        return self.find_repo(place.type, place.id, files=files)

    def find_repo(self, repo_type: str, repo_id: str, *, files: bool = False) -> Repository:
        """As `repo`, for a repo that the body names. Raises DamagedRepo to those who may know that it is here."""
        try:
            repo = self.hub.store.open(repo_type, repo_id)
        except RepoNotFound:
            raise RepoNotFound(anonymous=self.token is None) from None
        except RepoMoved as moved:
            if self.knows(repo_type, moved.new_id)[1]:
                raise
            raise RepoNotFound(anonymous=self.token is None) from None
        except DamagedRepo:  # with its settings, nobody knows who may see it
            if self.token is not None and self.token.belongs_to(repo_id.split("/")[0]):
                raise
            raise RepoNotFound(anonymous=self.token is None) from None
        self.request.state.repo = repo
        if not self.may_see(repo):
            raise RepoNotFound(anonymous=self.token is None)
        if repo.settings.disabled:
            raise DisabledRepo
        if files and not self.may_read_files(repo):
            raise GatedRepo(
                f"Access to {repo.type} {repo.id} is restricted and you are not in the authorized list. "
                f"Visit {self.base_url}{repo.url_path} to ask for access.",
                status=401 if self.token is None else 403,
            )
        return repo

    def knows(self, repo_type: str, repo_id: str) -> tuple[bool, bool]:
        """(a repo of this name, or one that had it, is here; the caller may learn that)"""
        try:
            try:
                repo = self.hub.store.open(repo_type, repo_id)
            except RepoMoved as moved:
                repo = self.hub.store.open(repo_type, moved.new_id)
        except DamagedRepo:
            return True, self.token is not None and self.token.belongs_to(repo_id.split("/")[0])
        except HubError:
            return False, False
        return True, self.may_see(repo)

    def may_see(self, repo: Repository) -> bool:
        """Public repos for everybody, private ones for their namespace."""
        return not repo.settings.private or (self.token is not None and self.token.belongs_to(repo.namespace))

    def may_read_files(self, repo: Repository) -> bool:
        """What is in a gated repo is for its namespace and for those who were let in."""
        if not repo.settings.gated:
            return True
        if self.token is None:
            return False
        request = repo.settings.access.get(self.token.user.name)
        return self.token.belongs_to(repo.namespace) or (request is not None and request.status == "accepted")

    def writable_repo(self) -> Repository:
        """As `repo(files=True)`, if the caller may also change it. Raises Forbidden."""
        repo = self.repo(files=True)
        self.require_write(repo.namespace)
        return repo

    def require_write(self, namespace: str) -> None:
        """Raises Forbidden (InvalidCredentials for anonymous callers) unless the token may write there."""
        self.require_writer()
        if not self.require_token().may_write(namespace):
            raise Forbidden(f"You don't have the rights to change repos of the namespace {namespace!r}")

    def require_writer(self) -> None:
        """Raises Forbidden (InvalidCredentials for anonymous callers) for a token that may only read."""
        token = self.require_token()
        if token.role != "write":
            raise Forbidden(f"This token has the role {token.role!r}: writing needs a token with the role 'write'")

    def require_contribution(self) -> Repository:
        """A repo that the caller sees and may open pull requests in: any write token."""
        repo = self.repo(files=True)
        if self.require_token().role != "write":
            raise Forbidden("Opening a pull request needs a token with the role 'write'")
        return repo

    def next_link(self, **changes: str) -> dict[str, str]:
        """The `Link` header of a page whose next one has these query parameters."""
        pairs = [pair for pair in self.request.query_params.multi_items() if pair[0] not in changes]
        url = f"{self.base_url}{self.request.scope['path']}?{urlencode(pairs + list(changes.items()))}"
        return {"Link": f'<{url}>; rel="next"'}


Handler = Callable[[Call], Response]


def endpoint(
    handler: Handler, *, first: Callable[[Call], object] | None = None, most: int = MOST_JSON_BYTES
) -> Callable:
    """A Starlette endpoint that reads the body, of at most `most` bytes, and runs the handler in a thread.

    `first` raises for callers who may not do this at all; it and the token are asked before any of the body is read.
    With `most` 0 the body is left alone.
    """

    @wraps(handler)
    async def run(request: Request) -> Response:
        if most == 0 or not has_body(request.scope) or request.method in ("GET", "HEAD"):
            return await run_in_threadpool(lambda: handler(Call(request)))
        call = await admitted(request, first)
        with call.hub.held_bodies.reading(request) as room:
            call.body = await read_body(request, most, room)
            return await to_thread.run_sync(handler, call, limiter=_workers(call))

    return run


def _workers(call: Call) -> CapacityLimiter | None:
    """Who works on the call's body; None: all threads of the Hub."""
    size = len(call.body)
    if size <= _SHORT_BYTES:
        return None
    if call.token is not None:
        return _limiter("known", _MOST_LONG) if size > _LONG_BYTES else None
    return _limiter("strangers", _MOST_LONG_OF_STRANGERS if size > _LONG_BYTES_OF_STRANGERS else _MOST_OF_STRANGERS)


@cache
def _limiter(whose: str, most: int) -> CapacityLimiter:
    return CapacityLimiter(most)


async def admitted(request: Request, first: Callable[[Call], object] | None = None) -> Call:
    """The caller of a request with a body, before it is read. Raises what `first` raises, and InvalidCredentials."""

    def ask() -> Call:
        call = Call(request)
        if first is not None:
            first(call)
        return call

    call = await run_in_threadpool(ask)
    if call.token is not None:
        trust(request)
    return call


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
