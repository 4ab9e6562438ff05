"""Read the catalogue's lines, plain or gzip, and notice a file that is cut, is not gzip, or changes while it is read."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from isal import igzip
from isal.igzip_lib import IsalError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from titlecraft.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"


class Line(NamedTuple):
    """One line without its end. `number` counts from 1; `offset` is in bytes of the uncompressed text."""

    number: int
    offset: int
    raw: bytes


def require_source(path: Path) -> None:
    """Raises UserError where the file cannot be what it should be, before anything is computed."""
    if not path.exists():
        raise UserError(f"{path}: no such file; expected the catalogue, for example trn.json.gz of AmazonTitles-1.3MM")
    if not path.is_file():
        raise UserError(f"{path}: not a file; expected the catalogue itself, for example {path}/trn.json.gz")
    with path.open("rb") as stream:
        head = stream.read(2)
    if not head:
        raise UserError(f"{path}: the file is empty; expected JSON lines")
    if path.suffix == ".gz" and head != GZIP_MAGIC:
        raise UserError(
            f"{path}: not a gzip file, whatever its name says; gunzip it, or rename it if it is plain JSON lines"
        )


def read_lines(path: Path) -> Iterator[Line]:
    """Yield every line, with a progress bar over the bytes of the file. Raises UserError for a file that is cut.

    A last line without its newline is a cut file only if it is not whole JSON; the parser decides that.
    """
    before = path.stat()
    count = TextColumn("{task.fields[lines]:,} lines")
    columns = (TextColumn("reading the catalogue"), BarColumn(), TransferSpeedColumn(), count, TimeElapsedColumn())
    with path.open("rb") as disk, Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=before.st_size, lines=0)
        compressed = disk.read(2) == GZIP_MAGIC
        disk.seek(0)
        stream: BinaryIO = igzip.GzipFile(fileobj=disk) if compressed else disk
        number = offset = 0
        try:
            for raw in stream:
                number += 1
                yield Line(number, offset, raw.rstrip(b"\r\n"))
                offset += len(raw)
                if number % 2000 == 0:
                    bar.update(task, completed=disk.tell(), lines=number)
        except EOFError:
            raise UserError(f"{path}: the gzip data is cut after line {number:,}; fetch the whole file again") from None
        except (igzip.BadGzipFile, IsalError) as error:
            raise UserError(
                f"{path}: the gzip data is damaged after line {number:,} ({error}); fetch it again"
            ) from error
        bar.update(task, completed=before.st_size, lines=number)
    after = path.stat()
    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise UserError(f"{path}: the file changed while it was read; run again when it is complete")
