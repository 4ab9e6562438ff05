"""Recognises compressed data by its first bytes, and decompresses it piece by piece: gzip, bzip2, xz and zstd."""

import bz2
import lzma
import re
from collections.abc import Callable
from gzip import BadGzipFile
from typing import Any, BinaryIO

import zstandard
from isal import igzip
from isal.igzip_lib import IsalError

GZIP = "gzip"
MAGICS = (
    (GZIP, re.compile(rb"\x1f\x8b")),
    ("bzip2", re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)")),
    ("xz", re.compile(rb"\xfd7zXZ\x00")),
    ("zstd", re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18")),
)
SUFFIXES = {GZIP: ".gz", "bzip2": ".bz2", "xz": ".xz", "zstd": ".zst"}
PIECE = 1 << 15  # bytes of compressed data; a small piece bounds what it can become
DECOMPRESSORS: dict[str, Callable[[], Any]] = {
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
    "zstd": lambda: zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj(),
}


class DamagedError(Exception):
    """Compressed data that cannot be decompressed."""


DAMAGE: tuple[type[BaseException], ...] = (BadGzipFile, IsalError, DamagedError)  # pyright: ignore[reportAssignmentType]


def compression_of(head: bytes) -> str | None:
    """Return how a file with these first bytes is compressed, or None."""
    return next((name for name, magic in MAGICS if magic.match(head)), None)


def decompressed(disk: BinaryIO, compression: str | None) -> Any:
    """Return a stream of the text of a file; its `read1` raises EOFError where the data is cut, and DAMAGE where it is damaged."""
    if compression == GZIP:
        return igzip.GzipFile(fileobj=disk)
    return disk if compression is None else Frames(disk, DECOMPRESSORS[compression])


class Frames:
    """Text of bzip2, xz or zstd data: one stream of it, or several in one file."""

    def __init__(self, disk: BinaryIO, new: Callable[[], Any]) -> None:
        self.disk, self.new = disk, new
        self.current, self.begun, self.rest = new(), False, b""
        self.bounded = hasattr(self.current, "needs_input")  # bzip2 and xz return as much text as they are asked for

    def read1(self, size: int) -> bytes:
        """Return some text; nothing at the end. Raises EOFError if the data ends too early, DamagedError if it is damaged."""
        while True:
            full = self.bounded and not self.current.needs_input
            data = b"" if full else self.more()
            if not data and not full:
                if self.begun:
                    raise EOFError
                return b""
            self.begun = True
            try:
                text = self.current.decompress(data, size) if self.bounded else self.current.decompress(data)
            except (OSError, EOFError, lzma.LZMAError, zstandard.ZstdError) as error:
                raise DamagedError(str(error)) from error
            if self.current.eof:
                self.rest, self.current, self.begun = self.current.unused_data, self.new(), False
            if text:
                return text

    def more(self) -> bytes:
        """Return more compressed data; between two streams without the zeros that pad them."""
        data, self.rest = self.rest or self.disk.read(PIECE), b""
        while not self.begun and data and not (data := data.lstrip(b"\0")):
            data = self.disk.read(PIECE)
        return data
