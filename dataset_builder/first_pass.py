"""The first pass over the whole catalogue: its blocks in order, their counts summed, their keys joined.

Memory holds 24 bytes of keys for each row; the rows themselves, and their sketches, wait on disk.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from dataset_builder.catalogue import CatalogueFile
from dataset_builder.engine import Engine
from dataset_builder.near_duplicates import SketchFile
from dataset_builder.parts import FoundBlock
from dataset_builder.source import require_whole
from titlecraft.settings import Data


@dataclass
class Rows:
    """Every row that the first pass kept: files in order, the number of the first row in each, and keys (uint64) by row.

    `lines` counts the lines of each file of the catalogue; `missing` says what is not whole.
    """

    lines: list[int]
    first_line: bytes = b""
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
    files: list[CatalogueFile], settings: Data, work: Path, quarantine: Path, engine: Engine, allow_incomplete: bool
) -> Rows:
    """Read every line; quarantine what is no row. Raises UserError where a file is not whole, unless that is allowed."""
    found, keys, count, cut = Rows([0] * len(files)), [], 0, {}
    sketch_file = SketchFile(work / "sketches.bin")
    quarantine.parent.mkdir(exist_ok=True)
    with quarantine.open("wb") as odd_lines:
        for block in with_progress(engine.read(files, settings, work), files, found):
            place, result = block.place, block.result
            for line, offset, reason, raw in result.odd:
                where = {"file": files[place.file].name} if len(files) > 1 else {}
                where |= {"line": found.lines[place.file] + line + 1, "offset": place.offset + offset, "reason": reason}
                text = raw.decode("utf-8", "backslashreplace")
                odd_lines.write(msgspec.json.encode({**where, "raw": text}) + b"\n")
                found.quarantined[reason] += 1
            if place.file == 0:
                found.first_line = found.first_line or place.first_line
            found.dropped.update(result.dropped)
            found.cleaned.update(result.cleaned)
            found.files.append(place.rows_file)
            found.begins.append(count)
            count += len(result.rows)
            found.lines[place.file] += result.lines
            keys.append((result.rows, result.titles, result.contents))
            sketch_file.append(result.sketches)
            if result.last_line_is_cut or place.gzip_is_cut:
                cut[place.file] = "the gzip data is cut" if place.gzip_is_cut else "the last line is cut"
    found.rows, found.titles, found.contents = (np.concatenate(of) for of in zip(*keys, strict=True))
    sketch_file.close()
    found.sketches = sketch_file.path if settings.near_duplicates else None
    found.missing = require_whole(files, found.lines, cut, found.first_line, allow_incomplete)
    return found


def with_progress(blocks: Iterable[FoundBlock], files: list[CatalogueFile], found: Rows) -> Iterator[FoundBlock]:
    """The same blocks, under a progress bar over the bytes of the files."""
    count = TextColumn("{task.fields[lines]:,} lines")
    columns = (TextColumn("reading the catalogue"), BarColumn(), TransferSpeedColumn(), count, TimeElapsedColumn())
    size = sum(file.size for file in files)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=size, lines=0)
        for block in blocks:
            yield block
            bar.update(task, advance=block.place.consumed, lines=sum(found.lines))
        bar.update(task, completed=size)
