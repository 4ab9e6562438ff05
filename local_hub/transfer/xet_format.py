"""Xet's two upload formats: a shard lists the chunks of each file, a xorb holds chunks.

Layouts from the public specification of the Xet protocol (huggingface.co/docs/xet): all integers little-endian, all
records of a shard 48 bytes.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any

from local_hub.errors import BadRequest

_RECORD = 48
_END_OF_SECTION = b"\xff" * 32
_WITH_VERIFICATION, _WITH_METADATA = 1 << 31, 1 << 30
_CHUNK_HEADER = 8
_XORB_FOOTER = b"XETBLOB"
_MAX_CHUNK_BYTES = 2**20  # clients make chunks of 128 KiB at most
_UNCOMPRESSED, _LZ4, _GROUPED_LZ4 = 0, 1, 2


@dataclass(frozen=True)
class Segment:
    """Chunks `first` to `end` (exclusive) of a xorb: `size` bytes of a file."""

    xorb: str
    first: int
    end: int
    size: int


def files_of_shard(shard: bytes) -> list[list[Segment]]:
    """The segments of each file in a shard. Raises BadRequest for an invalid shard."""
    try:
        return list(_files(shard))
    except (struct.error, IndexError) as error:
        raise BadRequest(f"Not a valid Xet shard: {error}") from None


def _files(shard: bytes) -> Iterator[list[Segment]]:
    position = _RECORD  # after the header
    while True:
        file_hash, flags, count, _ = struct.unpack_from("<32sIIQ", shard, position)
        position += _RECORD
        if file_hash == _END_OF_SECTION:
            return
        segments = []
        for _ in range(count):
            xorb, _flags, size, first, end = struct.unpack_from("<32sIIII", shard, position)
            segments.append(Segment(hash_text(xorb), first, end, size))
            position += _RECORD
        position += count * _RECORD if flags & _WITH_VERIFICATION else 0
        position += _RECORD if flags & _WITH_METADATA else 0
        yield segments


def hash_text(digest: bytes) -> str:
    """A hash in the form of Xet's addresses: four little-endian 64-bit numbers in hexadecimal."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", digest))


def read_chunks(xorb: IO[bytes], first: int, end: int) -> Iterator[bytes]:
    """The content of chunks `first` to `end` (exclusive). Raises BadRequest if the xorb has fewer chunks."""
    for index in range(end):
        header = xorb.read(_CHUNK_HEADER)
        if len(header) < _CHUNK_HEADER or header.startswith(_XORB_FOOTER):
            raise BadRequest(f"Not a valid Xet xorb: it has {index} chunks, {end} are needed")
        stored, scheme = int.from_bytes(header[1:4], "little"), header[4]
        size = int.from_bytes(header[5:8], "little")
        if max(stored, size) > _MAX_CHUNK_BYTES:
            raise BadRequest(f"Not a valid Xet xorb: a chunk has more than {_MAX_CHUNK_BYTES:,} bytes")
        if index < first:
            xorb.seek(stored, 1)
        else:
            yield _unpack(xorb.read(stored), scheme, size)


def _unpack(stored: bytes, scheme: int, size: int) -> bytes:
    if scheme == _UNCOMPRESSED:
        return stored
    if scheme not in (_LZ4, _GROUPED_LZ4):
        raise BadRequest(f"Unknown compression {scheme} in a Xet xorb")
    try:
        content = _lz4().decompress(stored, decompressed_size=size, asbytes=True)
    except OSError as error:
        raise BadRequest(f"Damaged chunk in a Xet xorb: {error}") from None
    return content if scheme == _LZ4 else _ungroup(content)


@lru_cache(maxsize=1)
def _lz4() -> Any:
    # imported at the first Xet upload, because pyarrow makes the start slow and needs much memory
    import pyarrow

    return pyarrow.Codec("lz4")


def _ungroup(grouped: bytes) -> bytes:
    """Undo byte grouping: first all bytes 0, 4, 8, …, then all bytes 1, 5, 9, …"""
    content = bytearray(len(grouped))
    start = 0
    for offset in range(4):
        count = len(range(offset, len(grouped), 4))
        content[offset::4] = grouped[start : start + count]
        start += count
    return bytes(content)
