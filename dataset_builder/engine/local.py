"""The engine of one machine: worker processes parse and clean the catalogue and write the shards."""

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dataset_builder.engine.interface import Engine
from dataset_builder.source.block import BlockTask, read_block
from dataset_builder.source.files.catalogue import CatalogueFile, read_content_meanwhile
from dataset_builder.source.parts import BlockOrigin, CleanedBlock, tasks_of, whole_files
from dataset_builder.workers.in_order import InOrder, worker_processes
from titlecraft.settings import Data


@contextmanager
def local_engine(workers: int) -> Iterator[Engine]:
    """Yield an engine with `workers` processes; this process reads and decompresses the files."""
    with worker_processes(workers) as in_order:
        yield Engine(in_order, partial(read_here, in_order), read_content_meanwhile)


def read_here(in_order: InOrder, files: list[CatalogueFile], settings: Data, work: Path) -> Iterator[CleanedBlock]:
    """Read the files one after another; the workers parse and clean their blocks."""
    origins: deque[BlockOrigin] = deque()

    def tasks() -> Iterator[BlockTask]:
        for part in whole_files(files, settings, work):
            for origin, task in tasks_of(part):
                origins.append(origin)
                yield task

    for result in in_order(read_block, tasks()):
        yield CleanedBlock(origins.popleft(), result)
