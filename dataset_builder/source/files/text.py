"""Reads the text of a file, decompressed if needed, and detects truncated or damaged data."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, BinaryIO

from dataset_builder.source.files.addresses import is_url, shown
from dataset_builder.source.files.catalogue import in_one_line, open_file, remote_errors
from dataset_builder.source.files.compression import DAMAGE, GZIP, compression_of, decompressed
from dataset_builder.source.files.encodings import UTF_8, Recoded, is_other_encoding
from dataset_builder.source.files.gzip_tail import bytes_behind_gzip
from titlecraft.errors import UserError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAGIC_BYTES = 16  # at the beginning of a file that tell how it is compressed


@contextmanager
def open_text(address: str, start: int = 0, encoding: str = UTF_8, end: int | None = None) -> Iterator["Text"]:
    """Open a file at the first line that begins at or after byte `start`, which must be 0 for a compressed file.

    If no line begins before byte `end`, the file is opened there, so that a range within a long line does not read all of it.
    A text of another encoding is read as UTF-8; `start` must be 0 for it too.
    """
    with open_file(address) as disk, remote_errors(address) if is_url(address) else nullcontext():
        compression = compression_of(disk.read(MAGIC_BYTES))
        disk.seek(max(0, start - 1))
        offset = start - 1 + len(disk.readline(-1 if end is None else end - start + 1)) if start else 0
        yield Text(address, disk, compression, offset, encoding)


class Text:
    """The text of a file.

    Args:
        disk: the stored file; its position is the number of bytes read.
        offset: number of bytes of text before the next `read`.
        cut: what is truncated, set when the end is reached; empty if nothing is.
    """

    def __init__(
        self, address: str, disk: BinaryIO, compression: str | None, offset: int = 0, encoding: str = UTF_8
    ) -> None:
        self.address, self.disk, self.compression, self.offset = address, disk, compression, offset
        self.stream: Any = decompressed(disk, compression)
        if is_other_encoding(encoding):
            self.stream = Recoded(self.stream, encoding, address)
        self.cut = ""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes or, of zstd, a little more; nothing at the end, or where the data is cut.

        Raises UserError if the data is damaged, or reading fails.
        """
        try:
            data = read_some(self.stream, size)
        except EOFError:
            self.require_nothing_behind()
            data, self.cut = b"", f"the {self.compression} data is cut"
        except DAMAGE as error:
            self.require_nothing_behind()
            raise UserError(
                f"{shown(self.address)}: the {self.compression} data is damaged after {self.offset:,} bytes of text ({error}); "
                "fetch it again"
            ) from error
        except UserError:
            raise
        except Exception as error:  # every remote file system has exceptions of its own
            raise UserError(
                f"{shown(self.address)}: reading broke off after {self.offset:,} bytes of text "
                f"({in_one_line(error, self.address)}); run again"
            ) from error
        self.offset += len(data)
        return data

    def require_nothing_behind(self) -> None:
        """Raise UserError if other bytes follow the end of gzip data; its reader takes them for damage."""
        if self.compression == GZIP and (behind := bytes_behind_gzip(self.disk)):
            raise UserError(
                f"{shown(self.address)}: {behind} bytes that are no gzip data stand behind its end: unpack it with gunzip, "
                "which leaves them out, and build from what comes out"
            ) from None


def read_some(stream: Any, size: int) -> bytes:
    """Read up to `size` bytes. A cut stream first returns its remaining bytes, then raises EOFError."""
    parts, wanted = [], size
    while wanted > 0:
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
