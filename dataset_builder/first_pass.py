"""The first pass over the whole catalogue: its blocks in order, their counts summed, their keys joined.

Memory holds 24 bytes of keys for each row; the rows themselves, and their sketches, wait on disk.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from dataset_builder.block import BlockTask, read_block
from dataset_builder.near_duplicates import SketchFile
from dataset_builder.processes import InOrder
from dataset_builder.source import Reading, read_blocks, require_whole
from titlecraft.settings import Data


@dataclass
class Rows:
    """Every row that the first pass kept: files in order, the number of the first row in each, and keys (uint64) by row."""

    reading: Reading = field(default_factory=Reading)
    dropped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    cleaned: Counter[str] = field(default_factory=Counter)
    files: list[Path] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    rows: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    titles: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    contents: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    sketches: Path | None = None
    missing: str | None = None


def read_rows(
    source: Path, settings: Data, work: Path, quarantine: Path, in_order: InOrder, allow_incomplete: bool
) -> Rows:
    """Read every line; quarantine what is no row. Raises UserError where the file is not whole, unless that is allowed."""
    found, keys, count, cut = Rows(), [], 0, False
    sketch_file = SketchFile(work / "sketches.bin")
    offsets: list[int] = []

    def tasks() -> Iterator[BlockTask]:
        for number, block in enumerate(read_blocks(source, found.reading)):
            offsets.append(block.offset)
            found.files.append(work / f"rows-{number:06d}.arrow")
            yield BlockTask(block.data, found.files[-1], settings)

    quarantine.parent.mkdir(exist_ok=True)
    with quarantine.open("wb") as odd_lines:
        for number, block in enumerate(in_order(read_block, tasks())):
            for line, offset, reason, raw in block.odd:
                place = {"line": found.reading.lines + line + 1, "offset": offsets[number] + offset, "reason": reason}
                text = raw.decode("utf-8", "backslashreplace")
                odd_lines.write(msgspec.json.encode({**place, "raw": text}) + b"\n")
                found.quarantined[reason] += 1
            found.dropped.update(block.dropped)
            found.cleaned.update(block.cleaned)
            found.begins.append(count)
            count += len(block.rows)
            found.reading.lines += block.lines
            keys.append((block.rows, block.titles, block.contents))
            sketch_file.append(block.sketches)
            cut = block.last_line_is_cut
    found.rows, found.titles, found.contents = (np.concatenate(of) for of in zip(*keys, strict=True))
    sketch_file.close()
    found.sketches = sketch_file.path if settings.near_duplicates else None
    found.missing = require_whole(source, found.reading, cut, allow_incomplete)
    return found
