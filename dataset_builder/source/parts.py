"""A part of the catalogue, a whole file or a range of a plain one, and what its blocks give, in the order of its lines."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_builder.source.block import BlockResult, BlockTask, read_block
from dataset_builder.source.catalogue import CatalogueFile
from dataset_builder.source.readers import reader_named
from titlecraft.settings import Data

PART_BYTES = 64 << 20


@dataclass(frozen=True)
class Part:
    """The lines that begin in bytes `start` to `end` of a file, its place among the files, and the folder for its rows."""

    file: int
    address: str
    start: int
    end: int | None
    work: Path
    settings: Data
    format: str


@dataclass(frozen=True)
class Place:
    """Where a block comes from: its file, its offset in the file's text, and the file that its rows go to.

    `consumed` counts the bytes that were read for it; `first_line` is empty but for a file's first block.
    """

    file: int
    offset: int
    rows_file: Path
    consumed: int
    gzip_is_cut: bool
    first_line: bytes


@dataclass(frozen=True)
class FoundBlock:
    """A block of the catalogue that has been read and cleaned."""

    place: Place
    result: BlockResult


def whole_files(files: list[CatalogueFile], settings: Data, work: Path) -> list[Part]:
    """A part for each file."""
    return [Part(index, file.address, 0, None, work, settings, file.format) for index, file in enumerate(files)]


def ranges(files: list[CatalogueFile], settings: Data, work: Path, part_bytes: int = PART_BYTES) -> list[Part]:
    """Parts that can be read at the same time: ranges of plain files. A gzip file can only be read from its beginning."""
    parts = []
    for part, file in zip(whole_files(files, settings, work), files, strict=True):
        whole = file.compressed or not reader_named(file.format).divisible
        starts = [0] if whole else range(0, max(1, file.size), part_bytes)
        ends = [*starts[1:], None]
        parts += [replace(part, start=start, end=end) for start, end in zip(starts, ends, strict=True)]
    return parts


def tasks_of(part: Part) -> Iterator[tuple[Place, BlockTask]]:
    """The blocks of a part as tasks, read one after another."""
    before = part.start
    for number, block in enumerate(reader_named(part.format).blocks(part.address, part.start, part.end)):
        rows_file = part.work / f"rows-{part.file:05d}-{part.start:015d}-{number:05d}.arrow"
        first_line = block.data[: block.data.find(b"\n") + 1 or None] if not (part.start or number) else b""
        place = Place(part.file, block.offset, rows_file, block.consumed - before, block.gzip_is_cut, first_line)
        yield place, BlockTask(block.data, rows_file, part.settings, part.format, block.header)
        before = block.consumed


def read_part(part: Part) -> Iterator[FoundBlock]:
    """Read and clean a part, block after block."""
    for place, task in tasks_of(part):
        yield FoundBlock(place, read_block(task))
