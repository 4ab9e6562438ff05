"""Running the application with uvicorn until a signal asks it to end."""

import asyncio
import contextlib
import functools
import resource
import signal
import socket
import time
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from local_hub.connections import Connection, Connections

# running requests may finish this long after the signal
_GRACE_SECONDS = 5
# longer than clients keep idle connections, so that they close first
_KEEP_ALIVE_SECONDS = 75
_MOST_CONNECTIONS = 512
# open files beside one or two for each connection: git's packs, the log, what the libraries hold
_OTHER_FILES = 64
# connections that asyncio takes in each time it looks; it looks some times more before those that they push out are gone
_AT_ONCE, _LOOKS = 16, 4
_WAITING_IN_THE_SYSTEM = 2048


class _Server(uvicorn.Server):
    """uvicorn, but a signal ends it with status 0 instead of being raised again, and silent connections end."""

    def __init__(self, config: uvicorn.Config, connections: Connections):
        super().__init__(config)
        self._all_connections = connections

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or ():
            listener.listen(_WAITING_IN_THE_SYSTEM)  # asyncio's own number is also how many it takes in at once

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            self._all_connections.sweep(time.monotonic())
        return await super().on_tick(counter)


def run_until_signalled(app: Starlette, listener: socket.socket) -> None:
    """Answer requests on a listening socket until SIGTERM or SIGINT; a second signal ends it at once."""
    asyncio.run(server_of(app, Connections(most_connections())).serve(sockets=[listener]))


def server_of(app: ASGIApp, connections: Connections) -> uvicorn.Server:
    """uvicorn's server for the application, with this limit of connections."""
    config = uvicorn.Config(
        app,
        http=functools.partial(Connection, all_connections=connections),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_level="error",  # warnings are about what clients send: anybody could fill the log
        access_log=False,
        server_header=False,
        backlog=_AT_ONCE,
        limit_concurrency=connections.most + _AT_ONCE * _LOOKS,  # all of them in a request: the next is told to wait
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=2**18,
    )
    return _Server(config, connections)


def most_connections() -> int:
    """As many as the operating system's limit of open files allows, and at most `_MOST_CONNECTIONS`."""
    wanted = 2 * _MOST_CONNECTIONS + _AT_ONCE * _LOOKS + _OTHER_FILES
    files, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < wanted:
        files = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, highest))
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return _MOST_CONNECTIONS
    return max(8, min(_MOST_CONNECTIONS, (files - _AT_ONCE * _LOOKS - _OTHER_FILES) // 2))
