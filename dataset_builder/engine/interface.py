"""What an engine provides. The local engine uses processes of this machine, the other one Ray; results are identical."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.source.files.addresses import is_url, shown
from dataset_builder.source.files.catalogue import CatalogueFile, Content
from dataset_builder.source.parts import CleanedBlock
from dataset_builder.workers.in_order import InOrder
from titlecraft.errors import UserError
from titlecraft.settings import Data

PACKAGES = ("datasets", "matplotlib", "pyarrow", "rensa")  # their versions affect the bytes of the shards
MOST_WORKERS = 512  # a thousand Python processes take tens of GB before the first row


@dataclass(frozen=True)
class Engine:
    """Runs tasks and reads the catalogue.

    `in_order` applies a function to tasks. `read` yields the catalogue's blocks in order and writes their rows to files below
    a folder. `hash` starts hashing the files and returns a function that waits for the result.
    """

    in_order: InOrder
    read: Callable[[list[CatalogueFile], Data, Path], Iterator[CleanedBlock]]
    hash: Callable[[list[CatalogueFile]], Callable[[], list[Content]]]


def require_engine(name: str, workers: int | None, work_storage: str | None) -> None:
    """Raise UserError if an option belongs to the other engine or the number of workers is out of range."""
    if workers is not None and not 1 <= workers <= MOST_WORKERS:
        raise UserError(f"--workers {workers}: expected 1 to {MOST_WORKERS} processes")
    if name == "ray" and workers is not None:
        raise UserError("--workers is for the local engine; with --engine ray every CPU of the cluster is a worker")
    if name == "local" and work_storage and is_url(work_storage):
        raise UserError(f"--work {shown(work_storage)}: expected a folder; a URL is for --engine ray")
