"""Chooses the engine by the value of `--engine`."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from dataset_builder.engine.interface import Engine
from dataset_builder.engine.local import local_engine
from dataset_builder.source.files.catalogue import Listed

ONE_PROCESS = 32 << 20  # bytes; a smaller source is read faster than processes start


def start_engine(
    name: str, workers: int | None, listed: list[Listed], work: Path, work_storage: str | None
) -> AbstractContextManager[Engine]:
    """Return the engine with this name as a context manager.

    Intermediate rows are kept in the folder `work`; Ray keeps them at `work_storage` if that is a URL.
    """
    if name == "ray":
        from dataset_builder.engine.on_ray import ray_engine

        return ray_engine(work, work_storage)
    if workers is None:
        workers = 1 if sum(file.size for file in listed) < ONE_PROCESS else min(2, os.cpu_count() or 1)
    return local_engine(workers)
