"""Limits for the bodies of requests: their size, the time to receive them, and the memory of all bodies together.

A handler decides who may send a body before it is read (`requests.endpoint`). The rest of a refused body is discarded for
some seconds, so that the client reads the answer instead of seeing a broken connection; then the connection is closed.

A body is untrusted until its sender has shown a right to send it.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local_hub.errors import Busy, TooLarge, TooSlow, UnknownEncoding

MAX_JSON_BYTES = 4 * 2**20
# texts inside JSON: cards to be checked, the first files of a repo
MAX_TEXT_BYTES = 64 * 2**20
MAX_FORM_BYTES = 64 * 2**10
# memory for all bodies at one time: trusted ones, and untrusted ones
_MAX_HELD_BYTES, _MAX_HELD_BYTES_UNTRUSTED = 256 * 2**20, 128 * 2**20
_MAX_BYTES_UNTRUSTED = 4 * 2**20
# untrusted bodies that may arrive at one time; the next one ends the oldest
_MAX_UNTRUSTED = 64
_SILENT_SECONDS, _SILENT_SECONDS_UNTRUSTED = 60.0, 20.0
# the minimum speed, checked after a minute of waiting, so that a slow body does not hold a connection for ever
_MIN_BYTES_PER_SECOND, _SECONDS_TO_JUDGE = 100, 60.0
# limits for discarding the rest of an unread body
_SMALL_REST_BYTES, _SMALL_REST_SECONDS = 64 * 2**10, 0.25
_MAX_REST_BYTES, _REST_SECONDS = 256 * 2**20, 5.0
_BODY = "local_hub.body"


class Bodies:
    """ASGI middleware: time limits for bodies; closes the connection if a body was not read."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.untrusted: dict[Body, asyncio.Timeout] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not has_body(scope):
            await self.app(scope, receive, send)
            return
        body = Body(scope, receive, send, self.untrusted)
        await self.app({**scope, _BODY: body}, body.receive, body.send)


def has_body(scope: Scope) -> bool:
    """Return True if the headers announce a body that is not empty."""
    for name, value in scope["headers"]:
        if name == b"transfer-encoding" or (name == b"content-length" and value != b"0"):
            return True
    return False


def _is_trusted(request: Request) -> bool:
    body = request.scope.get(_BODY)
    return body is None or body.trusted


def trust(request: Request) -> None:
    """Mark the body of a request as trusted: longer time limits, and other bodies do not end it."""
    body = request.scope.get(_BODY)
    if body is not None:
        body.trusted = True


class Body:
    """One body that is being received."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, untrusted: dict["Body", asyncio.Timeout]):
        headers = Headers(scope=scope)
        self._receive, self._send, self._untrusted = receive, send, untrusted
        self._waits_for_100 = "expect" in headers
        length = headers.get("content-length", "")
        self._left = int(length) if length.isascii() and length.isdigit() and len(length) < 20 else None
        self.trusted = False
        self.complete = False
        self._received, self._waited = 0, 0.0
        self._answered = self._closing = False

    async def receive(self) -> Message:
        """The next ASGI message. Raises TooSlow if it does not arrive in time, Busy if newer untrusted bodies end this one."""
        if self.complete or self._answered:
            return self._count(await self._receive())
        patience = _SILENT_SECONDS if self.trusted else _SILENT_SECONDS_UNTRUSTED
        began = time.monotonic()
        try:
            async with asyncio.timeout(patience) as limit:
                with self._limited_while_untrusted(limit):
                    message = self._count(await self._receive())
        except TimeoutError:
            if time.monotonic() - began < patience:
                raise Busy from None
            raise TooSlow(f"Nothing more of the request's body came for {patience:.0f} s") from None
        self._waited += time.monotonic() - began
        if self._waited > _SECONDS_TO_JUDGE and self._received < self._waited * _MIN_BYTES_PER_SECOND:
            raise TooSlow(f"The request's body comes at less than {_MIN_BYTES_PER_SECOND} bytes a second")
        return message

    def _count(self, message: Message) -> Message:
        if message["type"] == "http.request":
            size = len(message.get("body", b""))
            self._received += size
            if self._left is not None:
                self._left -= size
            self.complete = not message.get("more_body", False)
        return message

    @contextmanager
    def _limited_while_untrusted(self, limit: asyncio.Timeout) -> Iterator[None]:
        if self.trusted:
            yield
            return
        if len(self._untrusted) >= _MAX_UNTRUSTED:
            oldest = next(iter(self._untrusted))
            self._untrusted.pop(oldest).reschedule(asyncio.get_running_loop().time())
        self._untrusted[self] = limit
        try:
            yield
        finally:
            self._untrusted.pop(self, None)

    async def send(self, message: Message) -> None:
        """Send a message of the answer. If the body was not read, announce `Connection: close` and discard the rest."""
        if message["type"] == "http.response.start":
            if not self.complete and not self._waits_for_100 and self._left is not None:
                await self._skip(_SMALL_REST_BYTES if self._left <= _SMALL_REST_BYTES else 0, _SMALL_REST_SECONDS)
            self._answered = True
            if not self.complete:
                self._closing = True
                MutableHeaders(scope=message)["Connection"] = "close"
        elif self._closing and not message.get("more_body", False) and not self._waits_for_100:
            await self._send({**message, "more_body": True})
            await self._skip(_MAX_REST_BYTES, _REST_SECONDS)
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def _skip(self, most: int, seconds: float) -> None:
        """Discard the rest of the body, up to `most` bytes and `seconds`."""
        stop_at = self._received + most
        try:
            async with asyncio.timeout(seconds):
                while not self.complete and self._received < stop_at:
                    if self._count(await self._receive())["type"] == "http.disconnect":
                        return
        except TimeoutError:
            return


class HeldBodies:
    """The bytes of bodies in memory, of all requests together."""

    def __init__(self) -> None:
        self._held = {True: 0, False: 0}  # by trust

    @contextmanager
    def reading(self, request: Request) -> Iterator["Room"]:
        """Reserve memory for the body of a request during the block."""
        room = Room(self._held, trusted=_is_trusted(request))
        try:
            yield room
        finally:
            self._held[room.trusted] -= room.taken


class Room:
    """The memory that one body has reserved."""

    def __init__(self, held: dict[bool, int], *, trusted: bool):
        self._held = held
        self.trusted = trusted
        self.taken = 0

    def take(self, size: int) -> None:
        """Reserve `size` more bytes. Raises Busy if there is no room."""
        if self._held[self.trusted] + size > (_MAX_HELD_BYTES if self.trusted else _MAX_HELD_BYTES_UNTRUSTED):
            raise Busy
        self._held[self.trusted] += size
        self.taken += size


async def read_body(request: Request, most: int, room: Room, *, gzip: bool = False) -> bytes:
    """The whole body. Raises TooLarge (before reading if the length is announced), UnknownEncoding, TooSlow, Busy.

    With `gzip`, the body may be compressed. It is returned as it is, and the caller decompresses it within a limit.
    """
    if not room.trusted:
        most = min(most, _MAX_BYTES_UNTRUSTED)
    refuse_encoding(request, gzip=gzip)
    refuse_length(request, most)
    chunks, size = [], 0
    async for chunk in request.stream():
        room.take(len(chunk))
        size += len(chunk)
        if size > most:
            raise TooLarge(most)
        chunks.append(chunk)
    return b"".join(chunks)


def refuse_length(request: Request, most: int) -> None:
    """Raises TooLarge if the announced length of the body is more than `most` bytes."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > 18 or int(announced) > most):
        raise TooLarge(most)


def refuse_encoding(request: Request, *, gzip: bool = False) -> None:
    """Raises UnknownEncoding for a compressed body. Only git compresses bodies; `git_http` decompresses them."""
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity" and not (gzip and encoding == "gzip"):
        raise UnknownEncoding(encoding)
