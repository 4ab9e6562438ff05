"""The first pass over the whole catalogue: its blocks in order, their counts summed, their keys joined.

Memory holds 25 bytes for each row, its keys above all; the rows themselves, and their sketches, wait on disk.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from dataset_builder.duplicates.near_duplicates import SketchFile
from dataset_builder.engine.interface import Engine
from dataset_builder.source.catalogue import CatalogueFile
from dataset_builder.source.parts import FoundBlock
from titlecraft.settings import Data

LAST_LINE_IS_CUT = "the last line is cut"
EXAMPLES = 3  # lines that are named for each reason of the quarantine


@dataclass
class Rows:
    """Every row that the first pass kept: files in order, the number of the first row in each, and keys (uint64) by row.

    `lines` counts the lines of each file of the catalogue, `kept` the rows that each gave; `cut` says what is cut at the end of which file. `absent` counts
    the objects that lack a column, `columns` has the keys of some objects with how often each was seen, and `examples` the
    first quarantined lines for each reason. `measurable` says of each row whether sketches can compare it.
    """

    lines: list[int]
    kept: list[int] = field(default_factory=list)
    first_line: bytes = b""
    dropped: Counter[str] = field(default_factory=Counter)
    quarantined: Counter[str] = field(default_factory=Counter)
    cleaned: Counter[str] = field(default_factory=Counter)
    absent: Counter[str] = field(default_factory=Counter)
    columns: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[str]] = field(default_factory=dict)
    cut: dict[int, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    begins: list[int] = field(default_factory=list)
    keys: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    titles: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    contents: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    measurable: np.ndarray = field(default_factory=lambda: np.empty(0, bool))
    sketches: Path | None = None


def read_rows(files: list[CatalogueFile], settings: Data, work: Path, quarantine: Path, engine: Engine) -> Rows:
    """Read every line; quarantine what is no row. Raises UserError where a file cannot be read."""
    found, keys, count = Rows([0] * len(files), [0] * len(files)), [], 0
    sketch_file = SketchFile(work / "sketches.bin")
    quarantine.parent.mkdir(exist_ok=True)
    with quarantine.open("wb") as quarantined_lines:
        for block in with_progress(engine.read(files, settings, work), files, found):
            place, result = block.place, block.result
            for malformed in result.malformed:
                name = {"file": files[place.file].name} if len(files) > 1 else {}
                line = found.lines[place.file] + malformed.number + 1
                where = name | {"line": line, "offset": place.offset + malformed.offset, "bytes": malformed.length}
                quarantined_lines.write(
                    msgspec.json.encode({**where, "reason": malformed.reason, "columns": malformed.shown}) + b"\n"
                )
                found.quarantined[malformed.reason] += 1
                if found.quarantined[malformed.reason] <= EXAMPLES:
                    text = f"{name['file']}:{line:,}" if name else f"{line:,}"
                    found.examples.setdefault(malformed.reason, []).append(text)
            if place.file == 0:
                found.first_line = found.first_line or place.first_line
            for total, more in (
                (found.dropped, result.dropped),
                (found.cleaned, result.cleaned),
                (found.absent, result.absent),
                (found.columns, result.columns),
            ):
                total.update(more)
            found.files.append(place.rows_file)
            found.begins.append(count)
            count += len(result.keys)
            found.lines[place.file] += result.lines
            found.kept[place.file] += len(result.keys)
            keys.append((result.keys, result.titles, result.contents, result.measurable))
            sketch_file.append(result.sketches)
            if result.last_line_is_cut or place.gzip_is_cut:
                found.cut[place.file] = "the gzip data is cut" if place.gzip_is_cut else LAST_LINE_IS_CUT
    found.keys, found.titles, found.contents, found.measurable = (np.concatenate(of) for of in zip(*keys, strict=True))
    sketch_file.close()
    found.sketches = sketch_file.path if settings.near_duplicates else None
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
