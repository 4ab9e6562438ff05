"""Limits for open connections: silent connections are closed, and at the limit a new one replaces an idle one.

uvicorn closes idle keep-alive connections only: one that never sends a complete request line stays open for ever. Its
`limit_concurrency` rejects new clients while silent ones stay, so it is only the last resort here.
"""

import fcntl
import sys
import termios
import time
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

# from the connection to the first byte, and from there to the end of the headers
_HEADER_SECONDS = 20.0
# a client that does not read its answer: always, and when the limit of connections is reached
_UNREAD_SECONDS, _UNREAD_SECONDS_AT_THE_LIMIT = 300.0, 20.0


class Connections:
    """The connections of one server, and until when each may wait for a request."""

    def __init__(self, most: int):
        self.most = most
        self._open: dict[Connection, _Outgoing] = {}
        # connections without a request, longest first -> deadline of the request, None for an idle keep-alive connection
        self._waiting: dict[Connection, float | None] = {}

    def opened(self, connection: "Connection") -> None:
        """Register a new connection."""
        if len(self._open) >= self.most:
            self._make_room()
        self._open[connection] = _Outgoing()
        self._waiting[connection] = time.monotonic() + _HEADER_SECONDS

    def closed(self, connection: "Connection") -> None:
        """Forget a closed connection."""
        self._open.pop(connection, None)
        self._waiting.pop(connection, None)

    def changed(self, connection: "Connection", *, heard: bool) -> None:
        """Bytes were received (`heard`), or an answer is complete."""
        if connection.in_request or connection not in self._open:
            self._waiting.pop(connection, None)
        elif self._waiting.get(connection) is None:
            self._waiting[connection] = time.monotonic() + _HEADER_SECONDS if heard else None

    def sweep(self, now: float) -> None:
        """Close connections that were silent for too long; called about once a second."""
        for connection, deadline in list(self._waiting.items()):
            if deadline is not None and deadline < now:
                self._end(connection)
        for connection, outgoing in list(self._open.items()):
            if outgoing.stuck_for(connection.unsent, now) > _UNREAD_SECONDS:
                self._end(connection)

    def _make_room(self) -> None:
        """Close the oldest idle connection of the client address that has most; those without any request come first.

        If no connection is idle, close the one whose client has not read its answer for longest.
        """
        silent = [connection for connection, deadline in self._waiting.items() if deadline is not None]
        candidates = silent or list(self._waiting)
        if candidates:
            clients = Counter(connection.address for connection in candidates)
            most = max(clients.values())
            self._end(next(connection for connection in candidates if clients[connection.address] == most))
            return
        stuck = max(self._open, key=lambda connection: self._open[connection].seconds)
        if self._open[stuck].seconds > _UNREAD_SECONDS_AT_THE_LIMIT:
            self._end(stuck)

    def _end(self, connection: "Connection") -> None:
        self.closed(connection)
        connection.transport.abort()


class _Outgoing:
    """For how long the number of unsent bytes has not changed."""

    def __init__(self) -> None:
        self._size, self._since = (0, 0), 0.0
        self.seconds = 0.0

    def stuck_for(self, size: tuple[int, int], now: float) -> float:
        """Seconds without progress; 0 if nothing is unsent."""
        if size[0] == 0 or size != self._size:
            self._size, self._since = size, now
        self.seconds = now - self._since
        return self.seconds


class Connection(H11Protocol):
    """uvicorn's connection; it reports its state to `Connections`."""

    def __init__(self, *, all_connections: Connections, **options: Any):
        super().__init__(**options)
        self._all = all_connections

    @property
    def in_request(self) -> bool:
        """True from the end of a request's headers to the end of its answer."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def address(self) -> str:
        """The client's address without the port."""
        return self.client[0] if self.client else ""

    @property
    def unsent(self) -> tuple[int, int]:
        """(bytes of the answer in uvicorn's buffer, bytes in the socket's buffer if the first is not empty).

        On a slow line the first number stays the same for minutes while the second shows the progress.
        """
        buffered = self.transport.get_write_buffer_size()
        if buffered == 0:
            return 0, 0
        try:
            queued = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        except OSError:
            return buffered, 0
        return buffered, int.from_bytes(queued, sys.byteorder)

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._all.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._all.closed(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._all.changed(self, heard=True)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._all.changed(self, heard=False)
