"""Runs functions on untrusted data in a worker process with limits of memory and CPU time.

A few kilobytes may decompress into gigabytes, and a text may take a parser minutes. A thread cannot be stopped and has no
memory limit of its own. `python -m local_hub.untrusted.bounded` is the worker: it reads tasks from its standard input.
"""

import atexit
import contextlib
import hashlib
import importlib
import os
import pickle
import resource
import select
import signal
import struct
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

# CPU seconds of a task, and the factor for the time that the Hub waits (on a busy machine)
_SECONDS, _PATIENCE = 5.0, 3.0
_START_SECONDS = 60.0
_MAX_BYTES = 768 * 2**20
# a worker that used more is replaced, because freed memory is seldom returned to the system
_MAX_KEPT_BYTES = 384 * 2**20
_MAX_WORKERS = 2
_MAX_REMEMBERED = 1000
_HEAD = struct.Struct(">Qd")
_READY, _DONE, _FAILED, _TOO_MUCH = b"R", b"D", b"F", b"T"


class TooMuch(Exception):
    """The task needed too much memory or time, or no worker was free in time."""


class _Worker:
    """One worker process, which runs one task at a time."""

    def __init__(self) -> None:
        package = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
        # Arrow's own allocators and malloc's arenas reserve memory in large pieces
        options = {"PYTHONPATH": path, "ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local_hub.untrusted.bounded", str(_MAX_BYTES), str(_MAX_KEPT_BYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=os.environ | options,
            start_new_session=True,  # Ctrl-C in this terminal does not reach it
        )
        _processes.add(self._process)
        if self._read(1, time.monotonic() + _START_SECONDS) != _READY:
            self.end()
            raise TooMuch

    def do(self, task: bytes, seconds: float) -> tuple[bytes, Any]:
        """Run a pickled task; return (outcome, result or exception). Raises TooMuch."""
        deadline = time.monotonic() + seconds * _PATIENCE
        assert self._process.stdin is not None
        self._process.stdin.write(_HEAD.pack(len(task), seconds) + task)
        self._process.stdin.flush()
        head = self._read(9, deadline)
        return head[:1], pickle.loads(self._read(int.from_bytes(head[1:], "big"), deadline))

    def end(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                stream.close()  # type: ignore[union-attr]
        _processes.discard(self._process)

    def _read(self, size: int, deadline: float) -> bytes:
        assert self._process.stdout is not None
        descriptor, parts = self._process.stdout.fileno(), []
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while size:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                raise TooMuch
            part = os.read(descriptor, min(size, 2**20))
            if not part:
                raise TooMuch
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


_processes: set[subprocess.Popen] = set()
_idle: list[_Worker] = []
_lock = threading.Lock()
_slots = threading.BoundedSemaphore(_MAX_WORKERS)
_failed: OrderedDict[bytes, None] = OrderedDict()


def bounded(function: Callable, *arguments: Any, seconds: float | None = None) -> Any:
    """Call a module-level function in a worker process; return its result or raise its exception.

    Raises TooMuch if it needs more memory or more than `seconds` of CPU time. The same call is not tried again.
    """
    seconds = _SECONDS if seconds is None else seconds
    task = pickle.dumps((function.__module__, function.__qualname__, arguments))
    name = hashlib.blake2b(task, digest_size=16).digest()
    if name in _failed:
        raise TooMuch
    if not _slots.acquire(timeout=seconds * _PATIENCE):
        raise TooMuch
    try:
        outcome, result = _run(task, seconds)
    except TooMuch:
        _remember_failure(name)
        raise
    finally:
        _slots.release()
    if outcome == _TOO_MUCH:
        _remember_failure(name)
        raise TooMuch
    if outcome == _FAILED:
        raise result
    return result


def _run(task: bytes, seconds: float) -> tuple[bytes, Any]:
    try:
        with _lock:
            worker = _idle.pop() if _idle else None
        worker = worker or _Worker()
    except OSError as error:  # no process or memory available
        raise TooMuch from error
    try:
        outcome, (result, keep) = worker.do(task, seconds)
    except BaseException as error:
        worker.end()
        if isinstance(error, OSError):  # the process has ended
            raise TooMuch from error
        raise
    if keep:
        with _lock:
            _idle.append(worker)
    else:
        worker.end()
    return outcome, result


def _remember_failure(name: bytes) -> None:
    with _lock:
        _failed[name] = None
        if len(_failed) > _MAX_REMEMBERED:
            _failed.popitem(last=False)


@atexit.register
def _end_all() -> None:
    for process in list(_processes):
        process.kill()


def _serve(tasks: IO[bytes], answers: IO[bytes], most_bytes: int, most_kept_bytes: int) -> None:
    """Run tasks from a stream until it ends, with limits of memory and CPU time."""
    import pyarrow  # imported before the limit, like everything that tasks need

    importlib.import_module("local_hub.pages")
    pyarrow.set_cpu_count(1)
    pyarrow.set_io_thread_count(1)
    for kind in (resource.RLIMIT_DATA, resource.RLIMIT_CORE):
        highest = resource.getrlimit(kind)[1]
        wanted = most_bytes if kind == resource.RLIMIT_DATA else 0
        resource.setrlimit(kind, (wanted if highest == resource.RLIM_INFINITY else min(wanted, highest), highest))
    answers.write(_READY)
    answers.flush()
    while head := tasks.read(_HEAD.size):
        size, seconds = _HEAD.unpack(head)
        task = tasks.read(size)
        signal.setitimer(signal.ITIMER_PROF, seconds)  # the signal ends the process
        outcome, result = _attempt(task)
        signal.setitimer(signal.ITIMER_PROF, 0)
        keep = _used_bytes() < most_kept_bytes
        content = pickle.dumps((result, keep))
        answers.write(outcome + len(content).to_bytes(8, "big") + content)
        answers.flush()
        if not keep:
            return


def _attempt(task: bytes) -> tuple[bytes, Any]:
    try:
        module, name, arguments = pickle.loads(task)
        return _DONE, getattr(importlib.import_module(module), name)(*arguments)
    except (MemoryError, RecursionError):
        return _TOO_MUCH, None
    except Exception as error:
        return _FAILED, error


def _used_bytes() -> int:
    """Peak memory of this process in bytes. On Linux `ru_maxrss` includes the memory of the parent."""
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    _serve(sys.stdin.buffer, sys.stdout.buffer, int(sys.argv[1]), int(sys.argv[2]))
