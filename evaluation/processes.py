"""Runs CPU work in several processes if there are enough texts and cores. The results do not depend on it."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from titlecraft.process.machine import usable_cores

FEWEST_TEXTS = 400  # below this, starting processes takes longer than the work
FEWEST_ROWS = 200_000  # of the training split, alike
FEWEST_CORES = 4


def workers(texts: int, fewest: int = FEWEST_TEXTS) -> int:
    """Return the number of processes for this many texts: all usable cores from `fewest` texts on, else 1 (this process)."""
    cores = usable_cores()
    return cores if texts >= fewest and cores >= FEWEST_CORES else 1


def run_all(calls: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]], processes: int) -> list[Any]:
    """Return the results of the calls (function, arguments) in order. For several processes everything must be picklable.

    Processes are spawned rather than forked, because this process has threads and may use a GPU.
    """
    if processes < 2:
        return [function(*arguments) for function, arguments in calls]
    with ProcessPoolExecutor(min(processes, len(calls)), multiprocessing.get_context("spawn")) as pool:
        return [future.result() for future in [pool.submit(function, *arguments) for function, arguments in calls]]
