"""Distributed training with one process per device, as `torchrun` and `accelerate launch` start them.

The process group is initialised here, with gloo for Python objects and NCCL for tensors on GPUs, so that objects can be
broadcast before CUDA is initialised. Accelerate and the Trainer reuse an initialised group.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

_broadcast_done = False  # whether rank 0 has broadcast anything yet
TIMEOUT = timedelta(hours=12)  # the other ranks wait while rank 0 tokenises the rows


def rank() -> int:
    """Rank of this process among all processes; 0 in a single-process run."""
    return int(os.environ.get("RANK", 0))


def local_rank() -> int:
    """Rank of this process on its machine, which is also the index of its GPU."""
    return int(os.environ.get("LOCAL_RANK", 0))


def world_size() -> int:
    """Number of processes on all machines."""
    return int(os.environ.get("WORLD_SIZE", 1))


def is_rank0() -> bool:
    """Whether this process is rank 0: the one that prints, writes files and publishes."""
    return rank() == 0


def on_one_machine() -> bool:
    """Whether all processes run on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", world_size())) == world_size()


def init_process_group() -> None:
    """Initialise torch's process group; no-op in a single-process run."""
    import torch
    from torch import distributed

    if world_size() > 1 and not distributed.is_initialized():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo", timeout=TIMEOUT)


def use_own_gpu() -> None:
    """Make the GPU of this rank torch's current CUDA device. This initialises CUDA: fork before."""
    import torch

    if world_size() > 1 and torch.cuda.is_available():
        torch.cuda.set_device(local_rank())


def broadcast_from_rank0(value: Any) -> Any:
    """Return rank 0's `value` on every rank. Every rank has to call it; the values of the others are ignored."""
    global _broadcast_done
    _broadcast_done = True
    if world_size() == 1:
        return value
    import torch
    from torch import distributed

    values = [value]
    distributed.broadcast_object_list(values, src=0, device=torch.device("cpu"))
    return values[0]


@contextmanager
def rank0_first() -> Iterator[None]:
    """Run the body on rank 0 while the other ranks wait for its first broadcast.

    If the body ends before it broadcasts, None is broadcast so that the other ranks exit.
    """
    try:
        yield
    finally:
        if not _broadcast_done:
            broadcast_from_rank0(None)


def destroy_process_group() -> None:
    """Leave the process group; what follows runs on rank 0 alone. No-op in a single-process run."""
    if world_size() > 1:
        from torch import distributed

        distributed.destroy_process_group()
