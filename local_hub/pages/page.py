"""The basis of all pages: the visit, rendering a template, security headers, error pages."""

import logging
import secrets
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from anyio import CapacityLimiter, to_thread
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from local_hub.accounts import Token
from local_hub.errors import DamagedRepo, EntryNotFound, GatedRepo, HubError, RepoMoved, RepoNotFound, RevisionNotFound
from local_hub.pages import addresses, formats
from local_hub.pages.static_files import static_url
from local_hub.repos.repository import Repository
from local_hub.repos.store import UnreadableRepo
from local_hub.requests.answers import true_reason
from local_hub.requests.body import MAX_FORM_BYTES, read_body
from local_hub.requests.browser_session import BrowserCall, signed_in

_log = logging.getLogger(__name__)

_MAX_THREADS = 24

_TITLES = {
    RepoNotFound: "No such repository",
    RevisionNotFound: "No such revision",
    EntryNotFound: "No such file",
    GatedRepo: "Access is restricted",
    DamagedRepo: "This repository is damaged",
}


class Visit(BrowserCall):
    """A request for a page, with or without a signed-in user."""

    def visible_repos(self, repo_type: str | None = None) -> list[Repository]:
        """The repos that the visitor may see, sorted by id."""
        return [repo for repo in self.hub.store.list(repo_type) if self.may_see(repo) and not repo.settings.disabled]

    def unreadable_repos(self) -> list[UnreadableRepo]:
        """The repos with unreadable settings in the namespaces of the visitor."""
        token = self.token
        return [repo for repo in self.hub.store.unreadable() if token is not None and token.belongs_to(repo.namespace)]

    def visible_repo(self, repo_type: str, repo_id: str) -> Repository | None:
        """The repo, or None if it does not exist or the visitor may not see it."""
        try:
            return self.find_repo(repo_type, repo_id)
        except HubError:
            return None


Handler = Callable[[Visit], Response]


def page(handler: Handler) -> Callable:
    """A Starlette endpoint for a page. Errors become pages, too."""

    @wraps(handler)
    async def run(request: Request) -> Response:
        if request.method in ("GET", "HEAD"):
            return await _in_thread(handler, request, b"")
        try:
            with request.app.state.hub.held_bodies.reading(request) as room:
                body = await read_body(request, MAX_FORM_BYTES, room)
        except HubError as error:
            return error_page(request, error)
        return await _in_thread(handler, request, body)

    return run


async def _in_thread(handler: Handler, request: Request, body: bytes) -> Response:
    """Run a handler in the threads for pages, so that a slow preview does not block the API."""
    return await to_thread.run_sync(_answer, handler, request, body, limiter=_threads())


@cache
def _threads() -> CapacityLimiter:
    return CapacityLimiter(_MAX_THREADS)


def _answer(handler: Handler, request: Request, body: bytes) -> Response:
    try:
        return handler(Visit(request, body))
    except RepoMoved as moved:
        repo_type, old_id = request.path_params["place"]
        old, new = addresses.repo_url(repo_type, old_id), addresses.repo_url(repo_type, moved.new_id)
        return RedirectResponse(request.scope["path"].replace(old, new, 1), status_code=302)
    except HubError as error:
        return error_page(request, true_reason(request, error))
    except Exception as error:  # the visitor sees a sentence, the log has the traceback
        _log.exception("the page %s failed", request.scope["path"])
        reason = true_reason(request, error)
        if isinstance(reason, HubError):
            return error_page(request, reason)
        return error_page(request, HubError("The Hub could not show this page. Its log says why.", status=500))


def error_page(request: Request, error: HubError) -> Response:
    """The page for a refusal: its title, message and status."""
    missing_repo = isinstance(error, RepoNotFound)
    status = 404 if missing_repo else 403 if isinstance(error, GatedRepo) else error.status
    title = next((text for kind, text in _TITLES.items() if isinstance(error, kind)), f"Error {status}")
    message = error.message
    if missing_repo:
        message = (
            "Nothing is here under this name, or it is private and you are not signed in as somebody who may see it."
        )
    token = None if status == 401 else signed_in(request)
    return _render(
        request, token, "error.html.jinja", {"title": title, "message": message, "code": status}, status=status
    )


def render(visit: Visit, template: str, *, status: int = 200, **values: Any) -> Response:
    """Render a template with these values."""
    return _render(visit.request, visit.token, template, values, status=status)


def _render(request: Request, token: Token | None, template: str, values: dict[str, Any], *, status: int) -> Response:
    nonce = secrets.token_urlsafe(16)
    query = f"?{request.url.query}" if request.url.query else ""
    shared = {
        "user": token.user.name if token else None,
        "nonce": nonce,
        "endpoint": str(request.base_url).rstrip("/"),
        "here": request.scope["path"] + query,
    }
    html = _templates().get_template(template).render(shared | values)
    # a lone surrogate, in a name or a cell, cannot be encoded
    return HTMLResponse(html.encode(errors="replace"), status_code=status, headers=_headers(nonce))


def _headers(nonce: str) -> dict[str, str]:
    """Security headers. Scripts and styles need a nonce: files of repos have the same origin, so 'self' is not enough."""
    policy = (
        f"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self' data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "private, no-cache",
        "Vary": "Cookie, Authorization",
    }


@cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("local_hub.pages"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (formats.size, formats.ago, formats.day, formats.moment, formats.count, formats.number)
    environment.filters |= {function.__name__: function for function in filters}
    environment.globals |= {"url": addresses, "static_url": static_url}
    return environment
