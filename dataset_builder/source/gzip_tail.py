"""What stands behind the end of gzip data: a cut file and one with something behind it look alike to a reader."""

import zlib
from typing import BinaryIO

PIECE = 1 << 20
GZIP = 31  # zlib's number for a gzip header of the largest window


def bytes_behind_gzip(disk: BinaryIO) -> int:
    """How many bytes that are no gzip data stand behind the last whole member of a file; 0 where its data is cut, or whole.

    Zeros do not count: tapes and some tools fill up with them. Reads the file again from its beginning.
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
