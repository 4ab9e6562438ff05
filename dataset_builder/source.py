"""Read the catalogue in blocks of whole lines, plain or gzip, and notice a file that is not whole or changes meanwhile.

A file is not whole where its gzip data is cut, where its last line is cut, or where it is a copy of AmazonTitles-1.3MM's
trn.json with fewer lines than that has (copies of 1,499,649 lines are in circulation). That file is known by its first
line, not by its name: the first product, with the labels that only this file has.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import BinaryIO, NamedTuple

from isal import igzip
from isal.igzip_lib import IsalError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

from titlecraft.errors import UserError
from titlecraft.records import file_sha256

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BLOCK_BYTES = 8 << 20
TRN_LINES = 2_248_619
TRN_BEGINS = (b'"uid": "0000031909"', b'"target_ind"')


class Block(NamedTuple):
    """Whole lines of the file. `offset` is in bytes of the uncompressed text; only the file's last line may lack its end."""

    offset: int
    data: bytes


class Reading:
    """What has been read so far, and what was found missing at the end (None: nothing)."""

    def __init__(self) -> None:
        self.lines = 0
        self.first_line = b""
        self.missing: str | None = None


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


def read_blocks(path: Path, reading: Reading, block_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """Yield the file in blocks, with a progress bar over its bytes; whoever handles the blocks counts `reading.lines`.

    Where the gzip data is cut, `reading.missing` says so and what there is has been yielded. A byte-order mark in front of
    the file is left out. Raises UserError for a file that is damaged.
    """
    size = path.stat().st_size
    count = TextColumn("{task.fields[lines]:,} lines")
    columns = (TextColumn("reading the catalogue"), BarColumn(), TransferSpeedColumn(), count, TimeElapsedColumn())
    with path.open("rb") as disk, Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=size, lines=0)
        compressed = disk.read(2) == GZIP_MAGIC
        disk.seek(0)
        stream: BinaryIO = igzip.GzipFile(fileobj=disk) if compressed else disk
        offset, rest = 0, b""
        while True:
            try:
                data = read_some(stream, block_bytes)
            except EOFError:
                data, reading.missing = b"", "the gzip data is cut"
            except (igzip.BadGzipFile, IsalError) as error:
                raise UserError(
                    f"{path}: the gzip data is damaged after line {reading.lines:,} ({error}); fetch it again"
                ) from error
            whole = data.rfind(b"\n") + 1
            if data and not whole:
                rest += data
                continue
            block, rest = rest + data[:whole], data[whole:]
            if not data:
                block, rest = block + rest, b""
            skipped = len(BYTE_ORDER_MARK) if not offset and block.startswith(BYTE_ORDER_MARK) else 0
            if block and not offset:
                reading.first_line = block[: block.find(b"\n") + 1 or None]
            if block:
                yield Block(offset + skipped, block[skipped:] if skipped else block)
            offset += len(block)
            bar.update(task, completed=disk.tell() if data else size, lines=reading.lines)
            if not data:
                break


def hash_meanwhile(path: Path) -> Callable[[], str]:
    """Hash the file in a thread while the caller reads it: hashing leaves the interpreter to others.

    What is returned waits for the sha256, and raises UserError where the file is no longer what it was at the beginning.
    """
    before, sha256 = path.stat(), Future[str]()

    def work() -> None:
        try:
            sha256.set_result(file_sha256(path))
        except Exception as error:
            sha256.set_exception(error)  # raised where the hash is asked for

    threading.Thread(target=work, daemon=True).start()  # not a pool: nobody waits for it where the build fails

    def of_unchanged_file() -> str:
        found = sha256.result()
        require_unchanged(path, before)
        return found

    return of_unchanged_file


def require_unchanged(path: Path, before: os.stat_result) -> None:
    """Raises UserError where the file is not what it was before it was first read."""
    after = path.stat() if path.exists() else None
    if after is None or (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
        raise UserError(f"{path}: the file changed while it was read; run again when it is complete")


def read_some(stream: BinaryIO, size: int) -> bytes:
    """Up to `size` bytes. A cut gzip stream first gives what it holds, then raises EOFError."""
    parts, wanted = [], size
    while wanted:
        try:
            part = stream.read1(min(wanted, 1 << 17))
        except EOFError:
            if parts:
                break
            raise
        if not part:
            break
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def require_whole(path: Path, reading: Reading, last_line_is_cut: bool, allow_incomplete: bool) -> str | None:
    """What the file lacks, or None. Raises UserError where it lacks something and that was not allowed."""
    missing = reading.missing
    if missing is None and last_line_is_cut:
        missing = "the last line is cut"
    is_trn = all(mark in reading.first_line for mark in TRN_BEGINS)
    if missing is None and is_trn and reading.lines < TRN_LINES:
        missing = f"AmazonTitles-1.3MM's trn.json has {TRN_LINES:,} lines, this copy of it is cut"
    if missing and not allow_incomplete:
        raise UserError(f"{path}: {missing} after line {reading.lines:,}; fetch the whole file again, or build from "
                        "what there is with --allow-incomplete")  # fmt: skip
    return missing
