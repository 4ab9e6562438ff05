"""The number of threads for a small model on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

SMALL = 100_000_000  # parameters


def is_small(model: Any) -> bool:
    """Whether a model runs with one thread: it is on a CPU and has fewer than SMALL parameters.

    Two weights of 4 bits lie in one byte, and transformers counts both.
    """
    return model.device.type == "cpu" and model.num_parameters() < SMALL


@contextmanager
def one_thread() -> Iterator[None]:
    """Run torch with one thread, then restore the number of threads."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def steady_threads(model: Any) -> Iterator[None]:
    """Run a small model on a CPU with one thread, then restore the number of threads.

    Its matrix products are too small to parallelise. Decoding 25 answers with a 3 M Llama took 0.9 s with one thread
    and 0.8 s with two on two idle cores, but 5 to 60 s with two threads if another program used a core, because threads
    wait by spinning. Training slowed down by a factor of three. One thread also sums in the same order on every
    machine.
    """
    with one_thread() if is_small(model) else nullcontext():
        yield
