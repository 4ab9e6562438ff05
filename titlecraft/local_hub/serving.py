"""Running the application with uvicorn until a signal asks it to end."""

import asyncio
import contextlib
import signal
import socket
from collections.abc import Iterator

import uvicorn
from starlette.applications import Starlette

# running requests may finish this long after the signal
_GRACE_SECONDS = 5
# longer than clients keep idle connections, so that they close first
_KEEP_ALIVE_SECONDS = 75


class _Server(uvicorn.Server):
    """uvicorn, but a signal ends it with status 0 instead of being raised again."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield


def run_until_signalled(app: Starlette, listener: socket.socket) -> None:
    """Answer requests on a listening socket until SIGTERM or SIGINT; a second signal ends it at once."""
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        h11_max_incomplete_event_size=2**18,
    )
    asyncio.run(_Server(config).serve(sockets=[listener]))
