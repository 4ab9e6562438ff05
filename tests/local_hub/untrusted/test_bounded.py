"""Worker processes with limits: they end, the Hub goes on, and a failed call is not tried again."""

import os
import time

import pytest

from local_hub.untrusted import bounded
from local_hub.untrusted.bounded import TooMuch
from tests.local_hub.untrusted import test_bounded as here


def double(number: int) -> tuple[int, int]:
    return 2 * number, os.getpid()


def take(size: int) -> int:
    return len(bytes(size).replace(b"\0", b"\1"))


def sleep(seconds: float) -> None:
    time.sleep(seconds)


def spin(seconds: float) -> None:
    until = time.process_time() + seconds
    while time.process_time() < until:
        pass


def end(status: int) -> None:
    os._exit(status)


def fail(message: str) -> None:
    raise KeyError(message)


def deep(levels: int) -> int:
    return 1 + deep(levels + 1)


def test_results_and_exceptions_come_back_and_the_process_is_kept():
    first, process = bounded.bounded(here.double, 21)
    assert first == 42
    assert process != os.getpid()
    with pytest.raises(KeyError, match="why"):
        bounded.bounded(here.fail, "why")
    assert bounded.bounded(here.double, 2) == (4, process)


@pytest.mark.parametrize(
    ("function", "argument", "seconds"),
    [(take, 2**31, 5), (sleep, 60.0, 0.1), (spin, 60.0, 0.2), (end, 0, 5), (end, 9, 5), (deep, 0, 5)],
)
def test_too_much(function, argument, seconds):
    function = getattr(here, function.__name__)
    began = time.monotonic()
    with pytest.raises(TooMuch):
        bounded.bounded(function, argument, seconds=seconds)
    assert time.monotonic() - began < 20
    began = time.monotonic()
    with pytest.raises(TooMuch):  # known by now
        bounded.bounded(function, argument, seconds=seconds)
    assert time.monotonic() - began < 0.1
    assert bounded.bounded(here.double, 1)[0] == 2


def test_what_took_much_memory_is_not_kept(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bounded, "_MAX_KEPT_BYTES", 200 * 2**20)
    monkeypatch.setattr(bounded, "_idle", [])
    before = bounded.bounded(here.double, 1)[1]
    assert bounded.bounded(here.take, 150 * 2**20) == 150 * 2**20
    assert bounded.bounded(here.double, 1)[1] != before


def test_when_all_places_are_taken_nobody_waits_for_ever(monkeypatch: pytest.MonkeyPatch):
    for _ in range(bounded._MAX_WORKERS):
        assert bounded._slots.acquire(timeout=1)
    try:
        with pytest.raises(TooMuch):
            bounded.bounded(here.double, 5, seconds=0.1)
    finally:
        for _ in range(bounded._MAX_WORKERS):
            bounded._slots.release()
    assert bounded.bounded(here.double, 5)[0] == 10  # a timeout while waiting for a worker is not the task's fault


def test_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch):
    def refuse(*_, **__):
        raise OSError("no more processes")

    monkeypatch.setattr(bounded, "_idle", [])
    monkeypatch.setattr(bounded.subprocess, "Popen", refuse)
    with pytest.raises(TooMuch):
        bounded.bounded(here.double, 77)
