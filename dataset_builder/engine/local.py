"""The engine of one machine: worker processes parse and clean the catalogue and write the shards."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from dataset_builder.engine.interface import Engine
from dataset_builder.source.block import BlockTask, read_block
from dataset_builder.source.files.addresses import is_url
from dataset_builder.source.files.catalogue import CatalogueFile, read_content_meanwhile
from dataset_builder.source.parts import BlockOrigin, CleanedBlock, Part, ranges, read_part, tasks_of
from dataset_builder.source.read_blocks import BLOCK_BYTES
from dataset_builder.workers.in_order import InOrder, worker_processes
from titlecraft.settings import Data

RANGE_BYTES = BLOCK_BYTES * 7 // 8  # so that one read of a block also reaches the end of the last line


@contextmanager
def local_engine(workers: int) -> Iterator[Engine]:
    """Yield an engine with `workers` processes; this process reads and decompresses what they cannot read for themselves."""
    with worker_processes(workers) as in_order:
        yield Engine(in_order, partial(read_here, in_order), read_content_meanwhile)


def read_here(in_order: InOrder, files: list[CatalogueFile], settings: Data, work: Path) -> Iterator[CleanedBlock]:
    """Read the files one after another; the workers parse and clean their blocks.

    The workers read uncompressed files of this machine themselves: sending all bytes to them takes longer.
    """

    def tasks() -> Iterator[Part | tuple[BlockOrigin, BlockTask]]:
        for part in ranges(files, settings, work, RANGE_BYTES):
            if not is_url(part.address) and not part.is_whole:
                yield part
            elif not part.start:
                yield from tasks_of(replace(part, end=None))

    for blocks in in_order(cleaned_blocks, tasks()):
        yield from blocks


def cleaned_blocks(task: Part | tuple[BlockOrigin, BlockTask]) -> list[CleanedBlock]:
    """On a worker: return the cleaned blocks of a range of a file, or the one that is given."""
    if isinstance(task, Part):
        return list(read_part(task))
    origin, block = task
    return [CleanedBlock(origin, read_block(block))]
