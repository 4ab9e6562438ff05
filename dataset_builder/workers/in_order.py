"""Runs tasks in worker processes and yields results in the order of the tasks, whatever the number of workers."""

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from multiprocessing import connection, get_context, parent_process
from typing import Protocol, TypeVar

from titlecraft.errors import UserError

WRITES_SHARDS = "dataset_builder.shards.write"  # its imports are those of every task

T = TypeVar("T")
R = TypeVar("R")


class InOrder(Protocol):
    """Apply a function to tasks and yield the results in order, reading only a few tasks ahead."""

    def __call__(self, function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]: ...


@contextmanager
def worker_processes(count: int) -> Iterator[InOrder]:
    """Yield a function that runs tasks in `count` worker processes, or in this process if `count` is 1.

    The workers end with this process, even if it is killed. They start at once and import what their tasks need, while this
    process goes on: the name of a module does not make this folder depend on it.
    """
    if count == 1:
        keep_memory()
        yield lambda function, tasks: map(function, tasks)
        return
    pool = ProcessPoolExecutor(count, mp_context=get_context("spawn"), initializer=begin_worker)
    for _ in range(count):
        pool.submit(import_module, WRITES_SHARDS)

    def in_order(function: Callable[[T], R], tasks: Iterable[T]) -> Iterator[R]:
        pending: deque = deque()
        try:
            for task in tasks:
                pending.append(pool.submit(function, task))
                if len(pending) > count + 1:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        except BrokenProcessPool as error:
            raise UserError(
                "a worker process was killed from outside, probably for want of memory; nothing was "
                "published. Run again with --workers 1, which needs least"
            ) from error

    try:
        yield in_order
    finally:
        pool.shutdown(cancel_futures=True)


def begin_worker() -> None:
    """Set up a worker: it ignores Ctrl-C, uses one core, and ends when the parent ends, even if that is killed."""
    import pyarrow as pa

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    keep_memory()
    threading.Thread(target=end_with_parent, daemon=True).start()


def keep_memory() -> None:
    """Let pyarrow take memory from the C library, which keeps what is freed; its own allocator gives it back to the system.

    A page that comes from the system again costs as much time as filling it with compressed parquet.
    """
    import pyarrow as pa

    pa.set_memory_pool(pa.system_memory_pool())


def end_with_parent() -> None:
    """Wait until the parent process ends, then end this process without a message."""
    parent = parent_process()
    assert parent is not None, "a worker has a parent"
    connection.wait([parent.sentinel])
    os._exit(1)
