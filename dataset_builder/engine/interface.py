"""Who does the work of a build: the processes of this machine, or Ray. What is computed is the same."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from dataset_builder.engine.processes import InOrder, worker_processes
from dataset_builder.source.addresses import is_url, shown
from dataset_builder.source.block import BlockTask, read_block
from dataset_builder.source.catalogue import CatalogueFile, Content, Listed, read_content_meanwhile
from dataset_builder.source.parts import FoundBlock, Place, tasks_of, whole_files
from titlecraft.errors import UserError
from titlecraft.settings import Data

PACKAGES = ("datasets", "matplotlib", "pyarrow", "rensa")  # whose versions decide about the bytes
ONE_PROCESS = 32 << 20  # bytes; a smaller source is read before other processes have started
MOST_WORKERS = 512  # a thousand Pythons would take tens of GB before the first row


@dataclass(frozen=True)
class Engine:
    """How tasks are done, and how the catalogue is read: its blocks in order, their rows in files below a folder.

    `hash` begins to hash the files, and what it returns waits for the result.
    """

    in_order: InOrder
    read: Callable[[list[CatalogueFile], Data, Path], Iterator[FoundBlock]]
    hash: Callable[[list[CatalogueFile]], Callable[[], list[Content]]]


def require_engine(name: str, workers: int | None, place: str | None) -> None:
    """Raises UserError where an option belongs to the other engine, or asks for processes that no machine starts."""
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise UserError(f"--workers {workers}: expected 1 to {MOST_WORKERS} processes")
    if name == "ray" and workers is not None:
        raise UserError("--workers is for the local engine; with --engine ray every CPU of the cluster is a worker")
    if name == "local" and place and is_url(place):
        raise UserError(f"--work {shown(place)}: expected a folder; a URL is for --engine ray")


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


@contextmanager
def local_engine(workers: int) -> Iterator[Engine]:
    """So many processes of this machine; the files are read, and decompressed, in this one."""
    with worker_processes(workers) as in_order:
        yield Engine(in_order, partial(read_here, in_order), read_content_meanwhile)


def read_here(in_order: InOrder, files: list[CatalogueFile], settings: Data, work: Path) -> Iterator[FoundBlock]:
    """Read the files one after another and hand their blocks to the workers."""
    places: deque[Place] = deque()

    def tasks() -> Iterator[BlockTask]:
        for part in whole_files(files, settings, work):
            for place, task in tasks_of(part):
                places.append(place)
                yield task

    for result in in_order(read_block, tasks()):
        yield FoundBlock(places.popleft(), result)
