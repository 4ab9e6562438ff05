"""The first pass over the catalogue: reads its blocks in order, sums their counts and concatenates their keys.

It holds 25 bytes in memory for each row, mostly keys; rows and sketches are on disk.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import BarColumn, Progress, Task, TextColumn, TimeElapsedColumn, TransferSpeedColumn
from rich.text import Text

from dataset_builder.duplicates.near_duplicates import SketchFile
from dataset_builder.engine.interface import Engine
from dataset_builder.source.block import MalformedLine
from dataset_builder.source.files.catalogue import CatalogueFile
from dataset_builder.source.parts import BlockOrigin, CleanedBlock
from titlecraft.settings import Data

LAST_LINE_IS_CUT = "the last line is cut"
EXAMPLES = 3  # quarantined lines that a message names for each reason


@dataclass
class Rows:
    """The rows that the first pass keeps, and its counts.

    Args:
        lines: number of lines of each file of the catalogue.
        kept: number of kept rows of each file of the catalogue.
        absent: number of objects without a column, by the name of the column.
        columns: keys of some objects, with the number of objects that have each.
        examples: the first quarantined lines for each reason.
        cut: index of a file -> what is incomplete at its end.
        files: files of intermediate rows, in order.
        begins: index of the first row of each of `files`.
        keys, titles, contents: keys (uint64) of each row, of its title and of its description.
        measurable: bool by row, whether its sketch can be compared.
        sketches: the sketch file; None if near-duplicates are not searched for.
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
    """Read every line and write malformed ones to `quarantine`. Raise UserError if a file cannot be read."""
    rows, keys, count = Rows([0] * len(files), [0] * len(files)), [], 0
    sketch_file = SketchFile(work / "sketches.bin")
    quarantine.parent.mkdir(exist_ok=True)
    with quarantine.open("wb") as quarantined_lines:
        for block in with_progress(engine.read(files, settings, work), files, rows):
            origin, result = block.origin, block.result
            for malformed in result.malformed:
                name = {"file": files[origin.file].name} if len(files) > 1 else {}
                line = rows.lines[origin.file] + malformed.number + 1
                entry: dict[str, Any] = (
                    name | {"line": line} | position_of(malformed, origin) | {"reason": malformed.reason}
                )
                entry["columns"] = malformed.shown
                if settings.quarantine == "raw":
                    entry["raw"] = malformed.raw
                quarantined_lines.write(msgspec.json.encode(entry) + b"\n")
                rows.quarantined[malformed.reason] += 1
                if rows.quarantined[malformed.reason] <= EXAMPLES:
                    text = f"{name['file']}:{line:,}" if name else f"{line:,}"
                    rows.examples.setdefault(malformed.reason, []).append(text)
            if origin.file == 0:
                rows.first_line = rows.first_line or origin.first_line
            for total, more in (
                (rows.dropped, result.dropped),
                (rows.cleaned, result.cleaned),
                (rows.absent, result.absent),
                (rows.columns, result.columns),
            ):
                total.update(more)
            rows.files.append(origin.rows_file)
            rows.begins.append(count)
            count += len(result.keys)
            rows.lines[origin.file] += result.lines
            rows.kept[origin.file] += len(result.keys)
            keys.append((result.keys, result.titles, result.contents, result.measurable))
            sketch_file.append(result.sketches)
            if result.last_line_is_cut or origin.cut:
                rows.cut[origin.file] = origin.cut or LAST_LINE_IS_CUT
    rows.keys, rows.titles, rows.contents, rows.measurable = (np.concatenate(of) for of in zip(*keys, strict=True))
    sketch_file.close()
    rows.sketches = sketch_file.path if settings.near_duplicates else None
    return rows


def position_of(malformed: MalformedLine, origin: BlockOrigin) -> dict[str, int]:
    """Return offset and length of a quarantined line in the text of its file; nothing if its format has no positions."""
    if malformed.offset < 0:
        return {}
    return {"offset": malformed.offset + (0 if origin.positions else origin.offset), "bytes": malformed.length}


class Speed(TransferSpeedColumn):
    """Bytes per second; empty until the speed is known."""

    def render(self, task: Task) -> Text:
        """Return the column's text."""
        return super().render(task) if task.finished_speed or task.speed else Text()


def with_progress(blocks: Iterable[CleanedBlock], files: list[CatalogueFile], rows: Rows) -> Iterator[CleanedBlock]:
    """Yield the blocks unchanged, with a progress bar over the bytes of the files."""
    count = TextColumn("{task.fields[lines]:,} lines")
    columns = (TextColumn("reading the catalogue"), BarColumn(), Speed(), count, TimeElapsedColumn())
    size = sum(file.size for file in files)
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=size, lines=0)
        for block in blocks:
            yield block
            bar.update(task, advance=block.origin.consumed, lines=sum(rows.lines))
        bar.update(task, completed=size)
