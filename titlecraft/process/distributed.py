"""One process for each device, as `torchrun` and `accelerate launch` start them: who this one is, and what rank 0 says.

The group is made here, with gloo for words between the processes and NCCL for what lies on GPUs, so that it can be used
before CUDA is. Accelerate and the Trainer find it there and take it as it is.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

_spoken = False  # whether rank 0 has said anything yet
PATIENCE = timedelta(hours=12)  # the others wait while rank 0 encodes and publishes


def rank() -> int:
    """Of this process among all, 0 where it is alone."""
    return int(os.environ.get("RANK", 0))


def local_rank() -> int:
    """Of this process among those of its machine: the number of its GPU."""
    return int(os.environ.get("LOCAL_RANK", 0))


def world_size() -> int:
    """How many processes there are on all machines."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_first() -> bool:
    """Whether this process is the one that speaks, writes and publishes."""
    return rank() == 0


def on_one_machine() -> bool:
    """Whether all processes are on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", world_size())) == world_size()


def gather() -> None:
    """Meet the other processes, if there are any."""
    import torch
    from torch import distributed

    if world_size() > 1 and not distributed.is_initialized():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)


def use_own_gpu() -> None:
    """Make this process's GPU the one that torch means by "cuda". CUDA starts here: fork before."""
    import torch

    if world_size() > 1 and torch.cuda.is_available():
        torch.cuda.set_device(local_rank())


def agree(said: Any) -> Any:
    """What rank 0 says here, in every process; the others' own words count for nothing. All of them have to call it."""
    global _spoken
    _spoken = True
    if world_size() == 1:
        return said
    from torch import distributed

    words = [said]
    distributed.broadcast_object_list(words, src=0, device="cpu")
    return words[0]


@contextmanager
def leading() -> Iterator[None]:
    """For rank 0, while the others wait for its first word: if it has nothing to say, they hear None and go home."""
    try:
        yield
    finally:
        if not _spoken:
            agree(None)


def part() -> None:
    """Leave the other processes: what follows is for rank 0 alone."""
    if world_size() > 1:
        from torch import distributed

        distributed.destroy_process_group()
