"""Turns handlers `(Call) -> Response` into Starlette endpoints that run in a thread, because storage blocks.

The token and the rights are checked before a body is read.
"""

from collections.abc import Callable
from functools import cache, wraps

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from local_hub.requests.body import MAX_JSON_BYTES, has_body, read_body, trust
from local_hub.requests.call import Call

# Parsing holds the GIL: with forty parsing threads all other requests wait for seconds. These limit how many bodies are
# processed at one time: those of anonymous callers, long ones of anonymous callers, and long ones of callers with a token.
_SHORT_BYTES, _LONG_BYTES_UNTRUSTED, _LONG_BYTES = 4 * 2**10, 64 * 2**10, 2**20
_MAX_UNTRUSTED, _MAX_LONG_UNTRUSTED, _MAX_LONG = 2, 1, 4

Handler = Callable[[Call], Response]


def endpoint(
    handler: Handler, *, authorize: Callable[[Call], object] | None = None, max_bytes: int = MAX_JSON_BYTES
) -> Callable:
    """A Starlette endpoint that reads the body and runs the handler in a thread.

    Args:
        handler: returns the answer, or raises a HubError.
        authorize: raises for callers without the right; called before the body is read.
        max_bytes: the largest body; 0 does not read the body.
    """

    @wraps(handler)
    async def run(request: Request) -> Response:
        if max_bytes == 0 or not has_body(request.scope) or request.method in ("GET", "HEAD"):
            return await run_in_threadpool(lambda: handler(Call(request)))
        call = await admitted(request, authorize)
        with call.hub.held_bodies.reading(request) as room:
            call.body = await read_body(request, max_bytes, room)
            return await to_thread.run_sync(handler, call, limiter=_workers(call))

    return run


def _workers(call: Call) -> CapacityLimiter | None:
    """The limiter for processing the body of a call; None for the default one."""
    size = len(call.body)
    if size <= _SHORT_BYTES:
        return None
    if call.token is not None:
        return _limiter("known", _MAX_LONG) if size > _LONG_BYTES else None
    return _limiter("anonymous", _MAX_LONG_UNTRUSTED if size > _LONG_BYTES_UNTRUSTED else _MAX_UNTRUSTED)


@cache
def _limiter(kind: str, most: int) -> CapacityLimiter:
    return CapacityLimiter(most)


async def admitted(request: Request, authorize: Callable[[Call], object] | None = None) -> Call:
    """The call of a request before its body is read. Raises InvalidCredentials and what `authorize` raises."""

    def check() -> Call:
        call = Call(request)
        if authorize is not None:
            authorize(call)
        return call

    call = await run_in_threadpool(check)
    if call.token is not None:
        trust(request)
    return call
