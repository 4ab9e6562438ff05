"""Turns handlers into Starlette's endpoints: plain functions `(Call) -> Response` that run in a thread, because storage blocks."""

from collections.abc import Callable
from functools import cache, wraps

from anyio import CapacityLimiter, to_thread
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from local_hub.requests.body import MOST_JSON_BYTES, has_body, read_body, trust
from local_hub.requests.call import Call

# Parsing holds Python's one lock: forty threads that do, and everybody else waits for seconds. So many bodies of strangers
# are worked on at one time, so many that are long, and so many long ones of those with a token. Short ones need not wait.
_SHORT_BYTES, _LONG_BYTES_OF_STRANGERS, _LONG_BYTES = 4 * 2**10, 64 * 2**10, 2**20
_MOST_OF_STRANGERS, _MOST_LONG_OF_STRANGERS, _MOST_LONG = 2, 1, 4

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
