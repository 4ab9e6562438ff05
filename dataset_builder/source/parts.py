"""Parts of the catalogue: a whole file, or a byte range of an uncompressed file. Reads a part block by block, in order."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from dataset_builder.source.block import BlockResult, BlockTask, read_block
from dataset_builder.source.files.catalogue import CatalogueFile
from dataset_builder.source.files.encodings import is_other_encoding
from dataset_builder.source.readers import reader_named
from titlecraft.settings import Data

PART_BYTES = 64 << 20


@dataclass(frozen=True)
class Part:
    """The lines that begin in bytes `start` to `end` of a file; `file` is its index, `work` the folder for the rows."""

    file: int
    address: str
    start: int
    end: int | None
    work: Path
    settings: Data
    format: str

    @property
    def is_whole(self) -> bool:
        """Return whether this is a whole file."""
        return not self.start and self.end is None


@dataclass(frozen=True)
class BlockOrigin:
    """The origin of a block: index of its file, offset in the file's text, and the file that its rows are written to.

    `consumed` counts the bytes that were read for it; `first_line` is empty except in the first block of a file.
    `positions` tells whether the offsets of its lines count from the beginning of the text, not of the block.
    """

    file: int
    offset: int
    rows_file: Path
    consumed: int
    cut: str
    first_line: bytes
    positions: bool = False


@dataclass(frozen=True)
class CleanedBlock:
    """A block of the catalogue that has been read and cleaned."""

    origin: BlockOrigin
    result: BlockResult


def whole_files(files: list[CatalogueFile], settings: Data, work: Path) -> list[Part]:
    """Return a part for each file."""
    return [Part(index, file.address, 0, None, work, settings, file.format) for index, file in enumerate(files)]


def ranges(files: list[CatalogueFile], settings: Data, work: Path, part_bytes: int = PART_BYTES) -> list[Part]:
    """Return parts that can be read in parallel: byte ranges of uncompressed files; a compressed file is one part."""
    parts = []
    for part, file in zip(whole_files(files, settings, work), files, strict=True):
        whole = file.compressed or is_other_encoding(settings.encoding) or not reader_named(file.format).divisible
        starts = [0] if whole else range(0, max(1, file.size), part_bytes)
        ends = [*starts[1:], None]
        parts += [replace(part, start=start, end=end) for start, end in zip(starts, ends, strict=True)]
    return parts


def tasks_of(part: Part) -> Iterator[tuple[BlockOrigin, BlockTask]]:
    """Read the blocks of a part one after another; yield each as a task with its origin."""
    before = part.start
    blocks = reader_named(part.format).blocks(part.address, part.settings, part.start, part.end)
    for number, block in enumerate(blocks):
        rows_file = part.work / f"rows-{part.file:05d}-{part.start:015d}-{number:05d}.arrow"
        first_line = block.data[: block.data.find(b"\n") + 1 or None] if not (part.start or number) else b""
        reached = block.consumed if part.end is None else min(block.consumed, part.end)
        origin = BlockOrigin(
            part.file,
            block.offset,
            rows_file,
            reached - before,
            block.cut,
            first_line,
            block.positions is not None,
        )
        yield origin, BlockTask(block.data, rows_file, part.settings, part.format, block.header, block.positions)
        before = reached


def read_part(part: Part) -> Iterator[CleanedBlock]:
    """Read and clean a part, block after block."""
    for origin, task in tasks_of(part):
        yield CleanedBlock(origin, read_block(task))
