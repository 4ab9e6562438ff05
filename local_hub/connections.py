"""Open connections: silent ones end, there is a limit, and at the limit a new one takes the place of an old idle one.

uvicorn ends kept connections that are idle, and nothing else: one that never finishes its first line stays for ever. Its
`limit_concurrency` turns new clients away while old silent ones stay, so it is only the last resort here.
"""

import fcntl
import sys
import termios
import time
from collections import Counter
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

# from the first byte to the end of the headers, and from connecting to the first byte
_HEADER_SECONDS = 20.0
# an answer of which the client takes nothing: for ever, and when the place is needed
_UNREAD_SECONDS, _UNREAD_SECONDS_AT_THE_LIMIT = 300.0, 20.0


class Connections:
    """The connections of one server, and since when each waits for a request."""

    def __init__(self, most: int):
        self.most = most
        self._open: dict[Connection, _Outgoing] = {}
        # without a request at the moment, the longest first: when it has to be there, None for a kept connection
        self._waiting: dict[Connection, float | None] = {}

    def opened(self, connection: "Connection") -> None:
        """A client connected."""
        if len(self._open) >= self.most:
            self._make_room()
        self._open[connection] = _Outgoing()
        self._waiting[connection] = time.monotonic() + _HEADER_SECONDS

    def closed(self, connection: "Connection") -> None:
        """A connection is gone."""
        self._open.pop(connection, None)
        self._waiting.pop(connection, None)

    def changed(self, connection: "Connection", *, heard: bool) -> None:
        """Bytes came (`heard`), or an answer is complete."""
        if connection.in_request or connection not in self._open:
            self._waiting.pop(connection, None)
        elif self._waiting.get(connection) is None:
            self._waiting[connection] = time.monotonic() + _HEADER_SECONDS if heard else None

    def sweep(self, now: float) -> None:
        """End what has been silent for too long; called about every second."""
        for connection, deadline in list(self._waiting.items()):
            if deadline is not None and deadline < now:
                self._end(connection)
        for connection, outgoing in list(self._open.items()):
            if outgoing.stuck_for(connection.unsent, now) > _UNREAD_SECONDS:
                self._end(connection)

    def _make_room(self) -> None:
        """End the oldest idle connection of the client that has the most, before kept ones those that never asked.

        When none is idle, the one that has taken nothing of its answer for longest, if any has stopped taking it.
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
    """How long the bytes that wait to be sent have been the same number."""

    def __init__(self) -> None:
        self._size, self._since = (0, 0), 0.0
        self.seconds = 0.0

    def stuck_for(self, size: tuple[int, int], now: float) -> float:
        """Seconds without progress; 0 when nothing waits."""
        if size[0] == 0 or size != self._size:
            self._size, self._since = size, now
        self.seconds = now - self._since
        return self.seconds


class Connection(H11Protocol):
    """uvicorn's connection, which tells `Connections` what happens to it."""

    def __init__(self, *, all_connections: Connections, **options: Any):
        super().__init__(**options)
        self._all = all_connections

    @property
    def in_request(self) -> bool:
        """True from the end of a request's headers to the end of its answer."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def address(self) -> str:
        """The client's, without its port."""
        return self.client[0] if self.client else ""

    @property
    def unsent(self) -> tuple[int, int]:
        """Bytes of the answer that wait here, and when there are some, those that wait in the operating system.

        There may be megabytes, for minutes on a slow line; what wait here are then no fewer, but the client is not stuck.
        """
        here = self.transport.get_write_buffer_size()
        if here == 0:
            return 0, 0
        try:
            number = fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, bytes(4))
        except OSError:
            return here, 0
        return here, int.from_bytes(number, sys.byteorder)

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
