"""Counts the bytes after the end of gzip data; to a reader, trailing garbage looks like a cut file."""

import zlib
from typing import BinaryIO

PIECE = 1 << 20
GZIP = 31  # zlib's wbits for a gzip header and the largest window


def bytes_behind_gzip(disk: BinaryIO) -> int:
    """Return the number of bytes after the last complete gzip member that are no gzip data; 0 if there are none.

    Zeros do not count: tapes and some tools pad with them. Reads the file again from its beginning.
    """
    disk.seek(0)
    member, left = zlib.decompressobj(GZIP), b""
    while piece := left or disk.read(PIECE):
        left = b""
        try:
            member.decompress(piece)
        except zlib.error:
            return 0
        if not member.eof:
            continue
        left = member.unused_data.lstrip(b"\0") or disk.read(PIECE).lstrip(b"\0")
        if left and not left.startswith(b"\x1f\x8b"):
            return len(left) + len(disk.read())
        member = zlib.decompressobj(GZIP)
    return 0
