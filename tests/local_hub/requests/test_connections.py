"""Silent connections are closed, and other clients are answered however many silent ones there are."""

import asyncio
import resource
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from local_hub import connections, uvicorn_server
from local_hub.connections import Connections
from tests import ROOT

pytestmark = pytest.mark.slow

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
GET = b"GET /quick HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


async def quick(_: Request) -> Response:
    return PlainTextResponse("here")


async def slow(_: Request) -> Response:
    await asyncio.sleep(1.5)
    return PlainTextResponse("at last")


async def large(_: Request) -> Response:
    async def blocks():
        for _ in range(300):
            await asyncio.sleep(0)
            yield bytes(2**20)

    return StreamingResponse(blocks())


APP = Starlette(routes=[Route("/quick", quick), Route("/slow", slow), Route("/large", large)])


def while_serving(visit: Callable[[int], Awaitable[None]], most: int = 100) -> None:
    """Run `visit` with the port of a real server in the same event loop."""

    async def run() -> None:
        listener = socket.create_server(("127.0.0.1", 0))
        server = uvicorn_server.server_of(APP, Connections(most))
        serving_task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            async with asyncio.timeout(20):
                while not server.started:
                    await asyncio.sleep(0.01)
                await visit(listener.getsockname()[1])
        finally:
            server.should_exit = server.force_exit = True
            await serving_task

    asyncio.run(run())


async def connect(port: int, first: bytes = b"") -> Streams:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(first)
    return reader, writer


async def ends(stream: Streams) -> bool:
    """Return True if the server closes the connection soon, without an answer."""
    try:
        return await asyncio.wait_for(stream[0].read(1), 0.05) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False


async def answer(stream: Streams, ask: bytes = GET) -> bytes:
    """The body of the answer to one more request."""
    stream[1].write(ask)
    head = await stream[0].readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    return await stream[0].readexactly(length)


def test_silent_and_half_sent_requests_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "_HEADER_SECONDS", 0.2)

    async def visit(port: int) -> None:
        silent = [await connect(port, first) for first in (b"", b"G", GET[:-2], GET[:20])]
        second = await connect(port)
        assert await answer(second) == b"here"
        second[1].write(GET[:30])  # half of the next request on a keep-alive connection
        idle = await connect(port)
        assert await answer(idle) == b"here"
        working = await connect(port, GET.replace(b"/quick", b"/slow"))
        trickle = await connect(port)
        for byte in GET[:15]:
            await asyncio.sleep(0.1)
            trickle[1].write(bytes([byte]))
        assert [await ends(client) for client in [*silent, second, trickle]] == [True] * 6
        assert b"at last" in await working[0].readuntil(b"at last")
        assert await answer(idle) == b"here"

    while_serving(visit)


def test_at_the_limit_the_newest_client_is_answered():
    async def visit(port: int) -> None:
        working = await connect(port, GET.replace(b"/quick", b"/slow"))
        idle = await connect(port)
        await answer(idle)
        silent = [await connect(port, b"GET / HT" * (number % 2)) for number in range(40)]
        for _ in range(3):
            honest = await connect(port)
            assert await answer(honest) == b"here"
        assert [await ends(client) for client in silent[:30]] == [True] * 30
        assert b"at last" in await working[0].readuntil(b"at last")
        assert await answer(idle) == b"here"  # connections with an earlier request are kept longer

    while_serving(visit, most=8)


def test_when_all_are_at_work_the_next_is_told_to_wait(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(uvicorn_server, "_AT_ONCE", 1)

    async def visit(port: int) -> None:
        working = [await connect(port, GET.replace(b"/quick", b"/slow")) for _ in range(9)]
        await asyncio.sleep(0.2)
        more = await connect(port, GET)
        assert (await more[0].readline()).startswith(b"HTTP/1.1 503")
        assert b"at last" in await working[0][0].readuntil(b"at last")

    while_serving(visit, most=4)


def test_a_client_that_takes_no_answer_loses_it_and_a_slow_one_does_not(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "_UNREAD_SECONDS", 0.5)
    ask = GET.replace(b"/quick", b"/large")

    async def visit(port: int) -> None:
        stuck = socket.create_connection(("127.0.0.1", port))
        stuck.send(ask)
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**16)  # or its system takes megabytes at once
        slow.connect(("127.0.0.1", port))
        slow.send(ask)
        slow.setblocking(False)
        stuck.setblocking(False)
        for _ in range(25):
            assert await asyncio.get_running_loop().sock_recv(slow, 2**17)
            await asyncio.sleep(0.1)
        slow.close()
        received = 0
        with pytest.raises((ConnectionError, EOFError)):
            while True:
                try:
                    block = stuck.recv(2**20)
                except BlockingIOError:
                    await asyncio.sleep(0.01)
                    continue
                received += len(block)
                if not block:
                    raise EOFError
        assert received < 100 * 2**20

    while_serving(visit)


def test_the_limit_follows_the_operating_systems(tmp_path: Path):
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {1}))\n"
        "from local_hub.uvicorn_server import most_connections; print(most_connections())\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    highest = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for soft, hard, expected in ((256, 256, ["64", "256"]), (256, min(highest, 4096), ["512", "1152"])):
        process = subprocess.run(
            [sys.executable, "-c", code.format(soft, hard)],
            capture_output=True,
            text=True,
            cwd=ROOT,
        )
        assert process.stdout.split() == expected, process.stderr
