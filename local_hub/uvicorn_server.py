"""Runs the application with uvicorn until a signal ends it."""

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

# time for running requests after the signal
_GRACE_SECONDS = 5
# longer than clients keep idle connections, so that the client closes first
_KEEP_ALIVE_SECONDS = 75
_MAX_CONNECTIONS = 512
# open files besides one or two per connection: git packs, the log, libraries
_OTHER_FILES = 64
# connections that asyncio accepts in one step, and steps until closed connections are gone
_AT_ONCE, _LOOKS = 16, 4
_WAITING_IN_THE_SYSTEM = 2048


class _Server(uvicorn.Server):
    """uvicorn's server; a signal ends it with status 0 instead of being raised again, and silent connections are closed."""

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
            listener.listen(
                _WAITING_IN_THE_SYSTEM
            )  # asyncio uses its backlog also as the number of connections to accept at once

    async def on_tick(self, counter: int) -> bool:
        if counter % 10 == 0:
            self._all_connections.sweep(time.monotonic())
        return await super().on_tick(counter)


def run_until_signalled(app: Starlette, listener: socket.socket) -> None:
    """Answer requests on a listening socket until SIGTERM or SIGINT. A second signal ends it at once."""
    asyncio.run(server_of(app, Connections(most_connections())).serve(sockets=[listener]))


def server_of(app: ASGIApp, connections: Connections) -> uvicorn.Server:
    """A uvicorn server for the application that closes silent connections."""
    config = uvicorn.Config(
        app,
        http=functools.partial(Connection, all_connections=connections),  # type: ignore[arg-type]
        ws="none",
        lifespan="off",
        log_level="error",  # clients cause warnings and could fill the log
        access_log=False,
        server_header=False,
        backlog=_AT_ONCE,
        limit_concurrency=connections.most + _AT_ONCE * _LOOKS,  # answered with 503
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=2**18,
    )
    return _Server(config, connections)


def most_connections() -> int:
    """The number of connections that the limit of open files allows, at most `_MAX_CONNECTIONS`."""
    wanted = 2 * _MAX_CONNECTIONS + _AT_ONCE * _LOOKS + _OTHER_FILES
    files, highest = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < wanted:
        files = wanted if highest == resource.RLIM_INFINITY else min(wanted, highest)
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, highest))
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return _MAX_CONNECTIONS
    return max(8, min(_MAX_CONNECTIONS, (files - _AT_ONCE * _LOOKS - _OTHER_FILES) // 2))
