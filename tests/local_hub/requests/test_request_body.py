"""Limits of request bodies: size, speed, memory; unread bodies do no harm."""

import asyncio
import gzip
import json
import threading
import time
import tracemalloc

import pytest
from starlette.applications import Starlette

from local_hub.api import commit as api_commit
from local_hub.requests import body as request_body
from tests.local_hub.requests.asgi_request import NEVER, Answer, ask, send

MB = 2**20


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/api/validate-yaml", 4 * MB),
        ("/api/models/titlecraft/net/paths-info/main", 4 * MB),
        ("/titlecraft/net.git/info/lfs/objects/batch", 4 * MB),
        ("/titlecraft/net.git/git-upload-pack", 4 * MB),
        ("/login", 64 * 1024),
    ],
)
def test_limits_for_strangers(app: Starlette, path: str, most: int):
    announced = send(app, "POST", path, [NEVER], {"expect": "100-continue"}, **{"content-length": str(most + 1)})
    assert (announced.status, announced.taken) == (413, 0)
    endless = send(app, "POST", path, [b"x" * (most // 4)] * 40, {})
    assert endless.status == 413
    assert endless.taken < 2 * most
    if not path.startswith("/login"):
        assert f"{most:,} bytes" in endless.headers["x-error-message"]
        assert "\n" not in json.loads(endless.body)["error"]


def test_limits_with_a_token(app: Starlette, monkeypatch: pytest.MonkeyPatch):
    writer = app.state.writer
    tags = "/api/models/titlecraft/net/tag/main"
    assert send(app, "POST", tags, [b"x" * MB] * 6, writer).status == 413
    card = json.dumps({"content": "x" * 6 * MB}).encode()
    assert send(app, "POST", "/api/validate-yaml", [card], writer).status == 200
    monkeypatch.setattr(api_commit, "_MAX_COMMIT_BYTES", 3 * MB)
    answer = send(app, "POST", "/api/models/titlecraft/net/commit/main", [b"x" * MB] * 9, writer)
    assert (answer.status, answer.taken) == (413, 4 * MB)
    monkeypatch.setattr(api_commit, "_MAX_LINE_BYTES", 1000)
    header = json.dumps({"key": "header", "value": {"summary": "s"}}).encode() + b"\n"
    answer = send(app, "POST", "/api/models/titlecraft/net/commit/main", [header, b'{"key": "' + b"x" * 2000], writer)
    assert (answer.status, "LFS" in json.loads(answer.body)["error"]) == (413, True)


def test_an_lfs_upload_longer_than_promised(app: Starlette):
    body = {"operation": "upload", "objects": [{"oid": "0" * 64, "size": 100}]}
    batch = send(
        app, "POST", "/titlecraft/net.git/info/lfs/objects/batch", [json.dumps(body).encode()], app.state.writer
    )
    href = json.loads(batch.body)["objects"][0]["actions"]["upload"]["href"].removeprefix("http://127.0.0.1")
    answer = send(app, "PUT", href, [NEVER], {"expect": "100-continue"}, **{"content-length": "101"})
    assert (answer.status, answer.taken) == (413, 0)
    assert send(app, "PUT", href, [b"x" * 60] * 3, {}).status == 413


def test_a_xorb_has_a_largest_size(app: Starlette):
    token = send(app, "GET", "/api/models/titlecraft/net/xet-write-token/main", [b""], app.state.writer)
    session_url = json.loads(token.body)["casUrl"].removeprefix("http://127.0.0.1")
    for path in (f"{session_url}/v1/xorbs/default/{'a' * 64}", f"{session_url}/v1/shards"):
        answer = send(app, "POST", path, [NEVER], {"expect": "100-continue"}, **{"content-length": str(80 * MB)})
        assert (answer.status, answer.taken) == (413, 0)


def test_gzip_is_unpacked_for_git_only_and_only_so_far(app: Starlette):
    bomb = gzip.compress(bytes(96 * MB), 9)
    tracemalloc.start()
    answer = send(app, "POST", "/titlecraft/net.git/git-upload-pack", [bomb], {"content-encoding": "gzip"})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status == 413
    assert peak < 48 * MB
    assert "unpacked" in answer.headers["x-error-message"]
    for broken in (b"nonsense", bomb[:1000], gzip.compress(b"0000")[:-6]):
        answer = send(app, "POST", "/titlecraft/net.git/git-upload-pack", [broken], {"content-encoding": "gzip"})
        assert (answer.status, "not valid gzip" in answer.headers["x-error-message"]) == (400, True)
    for path, headers in (
        ("/api/validate-yaml", {}),
        ("/api/models/titlecraft/net/commit/main", app.state.writer),
        ("/api/repos/create", app.state.writer),
    ):
        for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip"):
            answer = send(app, "POST", path, [bomb], {**headers, "content-encoding": encoding})
            assert (answer.status, answer.taken) == (415, 0), (path, encoding)
            assert encoding in answer.headers["x-error-message"]


def test_silence_and_trickles_end(app: Starlette, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(request_body, "_SILENT_SECONDS", 0.1)
    monkeypatch.setattr(request_body, "_SILENT_SECONDS_UNTRUSTED", 0.05)
    monkeypatch.setattr(request_body, "_REST_SECONDS", 0.01)
    half = [b'{"content": ', NEVER]
    for path, headers in (
        ("/api/validate-yaml", {}),
        ("/api/repos/create", app.state.writer),
        ("/api/models/titlecraft/net/commit/main", app.state.writer),
    ):
        answer = send(app, "POST", path, half, headers)
        assert (answer.status, answer.headers["connection"]) == (408, "close"), path
        assert "Nothing more" in answer.headers["x-error-message"]
    assert not list((app.state.hub.store.root / "tmp").iterdir())
    monkeypatch.setattr(request_body, "_SECONDS_TO_JUDGE", 0.0)
    trickle = [b" "] * 50 + [b"{}"]
    assert send(app, "POST", "/api/validate-yaml", trickle, {}).status == 200  # fast enough
    monkeypatch.setattr(request_body, "_MIN_BYTES_PER_SECOND", 10**9)
    answer = send(app, "POST", "/api/validate-yaml", trickle, {})
    assert (answer.status, "a second" in answer.headers["x-error-message"]) == (408, True)


def test_new_strangers_push_out_old_ones_and_leave_those_with_a_token(app: Starlette, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(request_body, "_MAX_UNTRUSTED", 3)
    monkeypatch.setattr(request_body, "_REST_SECONDS", 0.01)
    chunked = {"transfer-encoding": "chunked"}

    async def run() -> tuple[Answer, list[Answer], bool]:
        create = asyncio.create_task(ask(app, "POST", "/api/repos/create", [NEVER], chunked | app.state.writer))
        await asyncio.sleep(0.05)
        slow = [asyncio.create_task(ask(app, "POST", "/api/validate-yaml", [NEVER], chunked)) for _ in range(5)]
        await asyncio.sleep(0.3)
        honest = await ask(app, "POST", "/api/validate-yaml", [b"{}"], chunked)
        outcome = [await task for task in slow if task.done()]
        still_there = not create.done()
        for task in (create, *slow):
            task.cancel()
        return honest, outcome, still_there

    honest, pushed_out, still_there = asyncio.run(run())
    assert honest.status == 200
    assert [answer.status for answer in pushed_out] == [503] * len(pushed_out)
    assert len(pushed_out) >= 2
    assert still_there


def test_bodies_in_memory_have_one_limit_together(app: Starlette, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(request_body, "_MAX_HELD_BYTES_UNTRUSTED", 3 * MB)
    chunked = {"transfer-encoding": "chunked"}

    async def run() -> tuple[Answer, Answer]:
        slow = asyncio.create_task(ask(app, "POST", "/api/validate-yaml", [b"x" * 2 * MB, NEVER], chunked))
        await asyncio.sleep(0.1)
        stranger = await ask(app, "POST", "/api/validate-yaml", [b"x" * 2 * MB], chunked)
        known = await ask(app, "POST", "/api/validate-yaml", [b'{"content": ""}'], chunked | app.state.writer)
        slow.cancel()
        return stranger, known

    stranger, known = asyncio.run(run())
    assert (stranger.status, known.status) == (503, 200)
    assert send(app, "POST", "/api/validate-yaml", [b"{}"], {}).status == 200  # the memory is released


def test_a_small_body_that_nobody_reads_keeps_the_connection(app: Starlette):
    answer = send(app, "POST", "/api/repos/create", [b"{}"], {}, **{"content-length": "2"})
    assert answer.status == 401
    assert "connection" not in answer.headers


def test_an_unforeseen_error_is_an_answer_like_others(app: Starlette, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(api_commit, "check_card", lambda *_: 1 / 0)
    answer = send(app, "POST", "/api/validate-yaml", [b"{}"], {})
    assert (answer.status, answer.finished) == (500, True)
    assert json.loads(answer.body)["error"] == "Internal error of the Hub (ZeroDivisionError); its log says more"
    assert answer.headers["x-request-id"]


def test_questions_about_too_many_things_at_once(app: Starlette):
    objects = [{"oid": f"{number:064x}", "size": 1} for number in range(2001)]
    body = json.dumps({"operation": "upload", "objects": objects}).encode()
    answer = send(app, "POST", "/titlecraft/net.git/info/lfs/objects/batch", [body], app.state.writer)
    assert (answer.status, "at most 2,000" in answer.headers["x-error-message"]) == (413, True)
    for size in ("9" * 700, "1e3", "-1", str(2**63)):
        body = f'{{"operation": "upload", "objects": [{{"oid": "{"0" * 64}", "size": {size}}}]}}'.encode()
        assert send(app, "POST", "/titlecraft/net.git/info/lfs/objects/batch", [body], app.state.writer).status == 400
    paths = "&".join(f"paths={number}" for number in range(20_001)).encode()
    answer = send(app, "POST", "/api/models/titlecraft/net/paths-info/main", [paths], {})
    assert (answer.status, "at most 20,000" in answer.headers["x-error-message"]) == (413, True)


@pytest.mark.parametrize(("size", "most"), [(100, 12), (10_000, 2), (100_000, 1)])
def test_few_bodies_of_strangers_are_worked_on_at_one_time(
    app: Starlette, monkeypatch: pytest.MonkeyPatch, size: int, most: int
):
    """Parsing holds the GIL."""
    at_once, highest, lock = 0, 0, threading.Lock()

    def slow_check(readme: str, repo_type: str) -> tuple[list[str], list[str]]:
        nonlocal at_once, highest
        with lock:
            at_once += 1
            highest = max(highest, at_once)
        time.sleep(0.05)
        with lock:
            at_once -= 1
        return [], []

    monkeypatch.setattr(api_commit, "check_card", slow_check)
    body = json.dumps({"content": "x" * size}).encode()

    async def run() -> list[Answer]:
        async with asyncio.timeout(20):
            chunked = {"transfer-encoding": "chunked"}
            return await asyncio.gather(*(ask(app, "POST", "/api/validate-yaml", [body], chunked) for _ in range(12)))

    assert {answer.status for answer in asyncio.run(run())} == {200}
    assert highest <= most and (most <= 2 or highest > 2)
