"""One request as the handlers see it: the caller, the repo, the rights, the query and the body.

Handlers are plain functions `(Call) -> Response`; `requests.endpoint` runs them in a thread. Handlers that stream large
bodies are Starlette endpoints and call `admitted` first.
"""

import base64
from dataclasses import dataclass, field
from typing import Any, overload
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request

from local_hub.accounts import Accounts, Token
from local_hub.errors import (
    BadRequest,
    DamagedRepo,
    DisabledRepo,
    Forbidden,
    GatedRepo,
    HubError,
    InvalidCredentials,
    RepoMoved,
    RepoNotFound,
)
from local_hub.repos.repository import Repository
from local_hub.repos.store import Store
from local_hub.requests import url_parts
from local_hub.requests.body import HeldBodies
from local_hub.untrusted.data import BadData, read_json

_MAX_DIGITS = 15  # of a number in the query string


@dataclass(frozen=True)
class Hub:
    """The objects that all requests share."""

    store: Store
    accounts: Accounts
    held_bodies: HeldBodies = field(default_factory=HeldBodies)


class Call:
    """A request and its caller. Raises InvalidCredentials for an unknown token."""

    def __init__(self, request: Request, body: bytes = b""):
        self.request = request
        self.hub: Hub = request.app.state.hub
        self.params: dict[str, Any] = request.path_params
        self.body = body
        self.token = self._authenticate(request.headers.get("authorization", ""))

    def _authenticate(self, header: str) -> Token | None:
        scheme, _, value = header.partition(" ")
        value = value.strip()
        if scheme.lower() == "basic":  # git and git-lfs send the token as the password
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
        """The address of the Hub in this request, e.g. `http://127.0.0.1:8080`."""
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

    @overload
    def text(self, name: str, default: str) -> str: ...

    @overload
    def text(self, name: str, default: None = None) -> str | None: ...

    def text(self, name: str, default: str | None = None) -> str | None:
        """The text at `name` in the body; `default` if it is absent, null or empty. Raises BadRequest."""
        value = self.json().get(name)
        if value is not None and not isinstance(value, str):
            raise BadRequest(f"{name!r} must be text")
        return value or default

    def objects(self, name: str, within: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        """The list of JSON objects at `name` in the body or in `within`; empty if absent. Raises BadRequest."""
        value = (self.json() if within is None else within).get(name) or []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise BadRequest(f"{name!r} must be a list of JSON objects")
        return value

    def form(self) -> list[tuple[str, str]]:
        """(name, value) pairs of the form in the body; a JSON object with lists is accepted too."""
        if "json" in self.request.headers.get("content-type", ""):
            pairs = []
            for key, value in self.json().items():
                pairs += [(key, item) for item in (value if isinstance(value, list) else [value])]
            return pairs
        return parse_qsl(self.body.decode("utf-8", errors="replace"), keep_blank_values=True)

    def query(self, name: str) -> str | None:
        """A query parameter, or None."""
        return self.request.query_params.get(name)

    def query_list(self, name: str) -> list[str]:
        """All values of a query parameter, given as `name` or `name[]`."""
        parameters = self.request.query_params
        return parameters.getlist(name) + parameters.getlist(f"{name}[]")

    def number(self, name: str, default: int, *, least: int = 0) -> int:
        """A query parameter that is a whole number of at least `least`. Raises BadRequest."""
        text = self.query(name)
        if text is None:
            return default
        if not text.isascii() or not text.isdigit() or len(text) > _MAX_DIGITS or int(text) < least:
            raise BadRequest(
                f"Invalid {name!r}: {text[:40]!r}, expected a whole number, {least} or more, of at most {_MAX_DIGITS} digits"
            )
        return int(text)

    def flag(self, name: str) -> bool:
        """Return True for `?name=1`, `?name=true`, `?name=True`."""
        return (self.query(name) or "").lower() in ("1", "true", "yes", "on")

    def repo(self, *, files: bool = False) -> Repository:
        """The repo of the address, if the caller may see it and, with `files`, read its files.

        Raises RepoNotFound (also for a repo that is hidden from the caller), RepoMoved, DisabledRepo, GatedRepo.
        """
        place = self.params.get("place") or url_parts.Place(self.params["type"], self.params["id"])
        return self.find_repo(place.type, place.id, files=files)

    def find_repo(self, repo_type: str, repo_id: str, *, files: bool = False) -> Repository:
        """As `repo`, for any repo. Raises also DamagedRepo, for members of its namespace."""
        try:
            repo = self.hub.store.open(repo_type, repo_id)
        except RepoNotFound:
            raise RepoNotFound(anonymous=self.token is None) from None
        except RepoMoved as moved:
            if self.knows(repo_type, moved.new_id)[1]:
                raise
            raise RepoNotFound(anonymous=self.token is None) from None
        except DamagedRepo:  # its visibility is unknown
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
        """(the repo exists, under this id or renamed; the caller may see it)."""
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
        """Return True for public repos, and for private ones of the caller's namespaces."""
        return not repo.settings.private or (self.token is not None and self.token.belongs_to(repo.namespace))

    def may_read_files(self, repo: Repository) -> bool:
        """Return True unless the repo is gated and the caller is neither a member of its namespace nor accepted."""
        if not repo.settings.gated:
            return True
        if self.token is None:
            return False
        request = repo.settings.access.get(self.token.user.name)
        return self.token.belongs_to(repo.namespace) or (request is not None and request.status == "accepted")

    def writable_repo(self) -> Repository:
        """As `repo(files=True)`, if the caller may also change the repo. Raises Forbidden."""
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
        """As `repo(files=True)`, for any write token, which may open pull requests and discussions. Raises Forbidden."""
        repo = self.repo(files=True)
        if self.require_token().role != "write":
            raise Forbidden("Opening a pull request needs a token with the role 'write'")
        return repo

    def next_link(self, **changes: str) -> dict[str, str]:
        """The `Link` header to the next page, which has the query parameters `changes`."""
        pairs = [pair for pair in self.request.query_params.multi_items() if pair[0] not in changes]
        url = f"{self.base_url}{self.request.scope['path']}?{urlencode(pairs + list(changes.items()))}"
        return {"Link": f'<{url}>; rel="next"'}
