"""Who does the work of a build: the processes of this machine, or Ray. What is computed is the same."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dataset_builder.source.addresses import is_url, shown
from dataset_builder.source.catalogue import CatalogueFile, Content
from dataset_builder.source.parts import FoundBlock
from dataset_builder.workers.in_order import InOrder
from titlecraft.errors import UserError
from titlecraft.settings import Data

PACKAGES = ("datasets", "matplotlib", "pyarrow", "rensa")  # whose versions decide about the bytes
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
