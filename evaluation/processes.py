"""Runs CPU work in several processes if there are enough texts and cores. The results do not depend on it."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from typing import Any

from titlecraft.process.machine import usable_cores

FEWEST_TEXTS = 400  # below this, starting processes takes longer than the work
FEWEST_ROWS = 200_000  # of the training split, alike
FEWEST_CORES = 4
KEPT: list[ProcessPoolExecutor] = []  # the pool of `kept_processes`


def workers(texts: int, fewest: int = FEWEST_TEXTS) -> int:
    """Return the number of processes for this many texts: all usable cores from `fewest` texts on, else 1 (this process)."""
    cores = usable_cores()
    return cores if texts >= fewest and cores >= FEWEST_CORES else 1


def run_all(calls: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]], processes: int) -> list[Any]:
    """Return the results of the calls (function, arguments) in order. For several processes everything must be picklable."""
    if processes < 2:
        return [function(*arguments) for function, arguments in calls]
    if KEPT:
        return results(KEPT[0], calls)
    with new_pool(min(processes, len(calls))) as pool:
        return results(pool, calls)


def results(pool: ProcessPoolExecutor, calls: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]]) -> list[Any]:
    """Return the results of the calls in a pool, in order."""
    return [future.result() for future in [pool.submit(function, *arguments) for function, arguments in calls]]


def new_pool(processes: int) -> ProcessPoolExecutor:
    """Return a pool; it starts processes when they are needed.

    Processes are spawned rather than forked, because this process has threads and may use a GPU.
    """
    return ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"))


@contextmanager
def kept_processes() -> Iterator[None]:
    """Let all calls of `run_all` within the block share their processes: starting them, and their imports, takes seconds."""
    with new_pool(usable_cores()) as pool:
        KEPT.append(pool)
        try:
            yield
        finally:
            KEPT.remove(pool)
