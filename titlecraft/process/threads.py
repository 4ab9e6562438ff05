"""How many threads a small model is run with on a CPU."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

SMALL = 100_000_000  # parameters


def is_small(model: Any) -> bool:
    """Whether a model is run with one thread: it is on a CPU, and its products are too small to share out."""
    return model.device.type == "cpu" and sum(one.numel() for one in model.parameters()) < SMALL


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for torch, and the number of threads put back afterwards."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def steady_threads(model: Any) -> Iterator[None]:
    """Run a small model on a CPU with one thread, and put the number of threads back afterwards.

    Its products are too small to share out: decoding 25 answers with a 3 M Llama took 0.9 s with one thread and 0.8 s
    with two on two idle cores, but 5 to 60 s with two where another program used a core, since the threads wait for
    each other by spinning; training lost a factor of three in the same way. And one thread adds up in the same order on a machine with any number of cores.
    """
    with one_thread() if is_small(model) else nullcontext():
        yield
