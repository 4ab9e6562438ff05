"""Work of the processor in several processes, where there are enough titles and cores for it to pay. Results do not change."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from titlecraft.process.machine import usable_cores

FEWEST_TEXTS = 400  # below this, starting processes takes longer than the work
FEWEST_CORES = 4


def workers(texts: int, fewest: int = FEWEST_TEXTS) -> int:
    """Processes for work on so many texts, which pays from `fewest` on; 1 does it here."""
    cores = usable_cores()
    return cores if texts >= fewest and cores >= FEWEST_CORES else 1


def run_all(calls: Sequence[tuple[Callable[..., Any], tuple[Any, ...]]], processes: int) -> list[Any]:
    """What each (function, arguments) gives, in their order. With several processes all of it must be picklable.

    They are started anew rather than forked: this one has threads, and a GPU.
    """
    if processes < 2:
        return [function(*arguments) for function, arguments in calls]
    with ProcessPoolExecutor(min(processes, len(calls)), multiprocessing.get_context("spawn")) as pool:
        return [one.result() for one in [pool.submit(function, *arguments) for function, arguments in calls]]
