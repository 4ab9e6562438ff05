"""The engine that `--engine` names."""

import os
from contextlib import AbstractContextManager
from pathlib import Path

from dataset_builder.engine.interface import Engine
from dataset_builder.engine.local import local_engine
from dataset_builder.source.catalogue import Listed

ONE_PROCESS = 32 << 20  # bytes; a smaller source is read before other processes have started


def start_engine(
    name: str, workers: int | None, found: list[Listed], work: Path, place: str | None
) -> AbstractContextManager[Engine]:
    """The engine of this name, for a catalogue of these files whose rows wait in `work`, or with Ray at `place`."""
    if name == "ray":
        from dataset_builder.engine.on_ray import ray_engine

        return ray_engine(work, place)
    if workers is None:
        workers = 1 if sum(file.size for file in found) < ONE_PROCESS else min(2, os.cpu_count() or 1)
    return local_engine(workers)
