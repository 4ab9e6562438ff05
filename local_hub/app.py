"""The Hub as one ASGI application: all routes over one root folder, and the answers to errors."""

import logging
from collections.abc import Collection, Sequence
from pathlib import Path

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from local_hub.accounts import Accounts
from local_hub.api import access, collections, commit, discussions, jobs, leaderboard, listing, refs, repos, tree
from local_hub.api import accounts as api_accounts
from local_hub.community import job_output
from local_hub.errors import NO_ROOM, DiskFull, HubError, NotFound, RepoNotFound
from local_hub.repos.store import Store
from local_hub.requests.answers import answer, refusal, true_reason
from local_hub.requests.body import Bodies
from local_hub.requests.call import Call, Hub
from local_hub.requests.endpoint import endpoint
from local_hub.requests.host_check import HostCheck
from local_hub.requests.ids import RequestIds
from local_hub.requests.unexpected_errors import UnexpectedErrors
from local_hub.requests.url_parts import RawPathMiddleware
from local_hub.transfer import git_http, lfs_cleanup, lfs_routes, resolve, xet_routes

_log = logging.getLogger(__name__)


def health(call: Call) -> Response:
    """GET /api/health: `server.start` waits for it. The random `instance` identifies the server process."""
    return answer({"status": "ok", "instance": call.request.app.state.instance})


def unknown_repo_address(call: Call) -> Response:
    """Any other address below /api/models, /api/datasets, /api/spaces: clients expect RepoNotFound."""
    raise RepoNotFound(anonymous=call.token is None)


def unknown_address(call: Call) -> Response:
    """Any other address: 404."""
    raise NotFound(f"Nothing answers {call.request.method} {call.request.scope['path']}")


_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]


def create_app(root: Path, accounts: Accounts, names: Collection[str] | None = None, instance: str = "") -> Starlette:
    """The application for one root folder. The caller holds its lock: unfinished files of an earlier run are deleted.

    Args:
        root: the folder of the repos.
        accounts: users and tokens.
        names: host names that it answers to (`host_check.known_names`); None allows any.
        instance: what `/api/health` returns as `instance`.
    """
    routes = [
        Route("/api/health", endpoint(health)),
        *access.routes,
        *api_accounts.routes,
        *collections.routes,
        *listing.routes,
        *leaderboard.routes,
        *commit.routes,
        *tree.routes,
        *refs.routes,
        *discussions.routes,
        *jobs.routes,
        *lfs_cleanup.routes,
        *lfs_routes.routes,
        *xet_routes.routes,
        *repos.routes,
        Route("/api/{type:plural}/{rest:path}", endpoint(unknown_repo_address, max_bytes=0), methods=_METHODS),
        Route("/api/{rest:path}", endpoint(unknown_address, max_bytes=0), methods=_METHODS),
        *git_http.routes,
        *resolve.routes,
        Route("/{name:name}/resolve/{rest:path}", endpoint(unknown_repo_address), methods=["GET", "HEAD"]),
        *_pages(),
        Route("/{rest:path}", endpoint(unknown_address, max_bytes=0), methods=_METHODS),
    ]
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(RequestIds),
            Middleware(Bodies),
            *([] if names is None else [Middleware(HostCheck, names=names)]),
            Middleware(UnexpectedErrors, answer=_unexpected_error),
            Middleware(RawPathMiddleware),
        ],
        exception_handlers={
            HubError: _hub_error,
            ClientDisconnect: _client_disconnected,
            OSError: _os_error,
        },
    )
    app.state.hub = Hub(Store(root), accounts)
    app.state.instance = instance
    app.state.uploads = lfs_routes.Uploads()
    app.state.job_readers = job_output.Readers()
    app.state.xet_sessions = xet_routes.Sessions()
    return app


def _pages() -> Sequence[BaseRoute]:
    """The routes of the web pages. Without their libraries the API still works, because clients do not need pages."""
    try:
        from local_hub import pages
    except ImportError:
        _log.warning("the Hub runs without pages for browsers", exc_info=True)
        return []
    return pages.routes


async def _hub_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HubError)
    return refusal(request, true_reason(request, error))


async def _client_disconnected(request: Request, error: Exception) -> Response:
    """The client disconnected: nobody reads this answer."""
    return Response(status_code=499)


async def _os_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    if error.errno in NO_ROOM:
        return refusal(request, DiskFull())
    reason = true_reason(request, error)
    if isinstance(reason, HubError):
        _log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
        return refusal(request, reason)
    return await _unexpected_error(request, error)


async def _unexpected_error(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.scope["path"], exc_info=error)
    # the message of an exception may contain secrets, so it goes to the log only
    return answer({"error": f"Internal error of the Hub ({type(error).__name__}); its log says more"}, status=500)
