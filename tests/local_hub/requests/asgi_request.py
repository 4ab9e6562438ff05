"""One ASGI request without a socket, whose body arrives in pieces or never."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from starlette.applications import Starlette

NEVER = None  # a piece that never arrives, while the connection stays open


@dataclass
class Answer:
    """A response; `taken` is the number of bytes of the body that were read before the response started."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    taken: int = 0
    finished: bool = False


async def ask(app: Any, method: str, path: str, pieces: list[bytes | None], headers: dict[str, str]) -> Answer:
    """Send a request whose body arrives in these pieces; return the response."""
    answer, left, taken = Answer(), list(pieces), 0

    async def receive() -> dict[str, Any]:
        nonlocal taken
        if not left:
            return {"type": "http.disconnect"}
        piece = left.pop(0)
        if piece is None:  # NEVER
            await asyncio.Event().wait()
            raise AssertionError("unreachable: nobody sets the event")
        await asyncio.sleep(0)
        taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": bool(left)}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.taken = message["status"], taken
            answer.headers = {name.decode().lower(): value.decode() for name, value in message["headers"]}
        else:
            answer.body += message.get("body", b"")
            answer.finished |= not message.get("more_body", False)

    path, _, query = path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in {"host": "127.0.0.1", **headers}.items()
        ],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    await app(scope, receive, send)
    return answer


def send(app: Starlette, method: str, path: str, pieces: list, headers: dict[str, str], **more: str) -> Answer:
    """Send a request with a body of unknown length, within 20 seconds."""

    async def run() -> Answer:
        async with asyncio.timeout(20):
            return await ask(app, method, path, pieces, {"transfer-encoding": "chunked", **headers, **more})

    return asyncio.run(run())
