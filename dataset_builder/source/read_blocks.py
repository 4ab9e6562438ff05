"""Reads a file of the catalogue in blocks of whole lines, and detects incomplete files.

A file is incomplete if its compressed data or its last line is cut, or if it is a copy of AmazonTitles-1.3MM's trn.json with fewer
lines than the original (copies of 1,499,649 lines circulate). Its first line identifies that file: the first product, with
labels that only this file has.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from dataset_builder.source.files.catalogue import CatalogueFile, described
from dataset_builder.source.files.encodings import UTF_8
from dataset_builder.source.files.text import BYTE_ORDER_MARK, open_text
from titlecraft.errors import UserError

BLOCK_BYTES = 8 << 20
TRN_LINES = 2_248_619
TRN_BEGINS = (b'"uid": "0000031909"', b'"target_ind"')


class Block(NamedTuple):
    """Whole lines of a file; only the file's last line may have no line break.

    Args:
        offset: position of the block in the uncompressed text, in bytes.
        consumed: position in the stored file after the block, in bytes.
        cut: what is cut after this block; empty if nothing is.
        header: what a parser needs besides the lines, such as the names of columns; empty in JSON lines.
        positions: offset and length in bytes of each row in the text, int64 of shape (lines, 2), -1 where a row has none; None
            if the lines stand in the text as they are in the block.
    """

    offset: int
    data: bytes
    consumed: int
    cut: str = ""
    header: bytes = b""
    positions: np.ndarray | None = None


def read_blocks(
    address: str, start: int = 0, end: int | None = None, block_bytes: int = BLOCK_BYTES, encoding: str = UTF_8
) -> Iterator[Block]:
    """Yield the lines that begin in bytes `start` to `end` of a file's text, in at least one block, which may be empty.

    Cut data is read as far as it goes. A byte-order mark at the beginning of the file is skipped. `start` must be 0 for
    a compressed file. Raises UserError if the file is damaged or reading fails.
    """
    with open_text(address, start, encoding, end) as text:
        offset = text.offset
        rest, last, yielded = b"", False, False
        while not last:
            data = text.read(block_bytes)
            whole = data.rfind(b"\n") + 1
            if data and not whole:
                rest += data
                continue
            last = not data
            block, rest = (rest, b"") if last else (rest + data[:whole], data[whole:])
            if end is not None and offset + len(block) >= end:
                block, last = lines_before(block, end - offset), True
            skipped = len(BYTE_ORDER_MARK) if not offset and block.startswith(BYTE_ORDER_MARK) else 0
            if block or text.cut or (last and not yielded):
                yield Block(offset + skipped, block[skipped:] if skipped else block, text.disk.tell(), text.cut)
                yielded = True
            offset += len(block)


def lines_before(block: bytes, end: int) -> bytes:
    """Return the lines of a block that begin before position `end`."""
    return block[: block.find(b"\n", end - 1) + 1 or None] if end > 0 else b""


def expected_lines(first_line: bytes) -> int | None:
    """Return the number of lines of AmazonTitles-1.3MM's trn.json if this is its first line, else None."""
    return TRN_LINES if all(mark in first_line for mark in TRN_BEGINS) else None


def require_whole(
    files: list[CatalogueFile], lines: list[int], cut: dict[int, str], first_line: bytes, allow_incomplete: bool
) -> str | None:
    """Return what is missing of the catalogue, or None. Raise UserError if it is incomplete and that is not allowed.

    Args:
        lines: number of lines of each file.
        cut: index of a file -> what is cut at its end.
        first_line: the first line of the first file.
    """
    named = len(files) > 1
    missing = [
        f"{f'{files[index].name}: ' * named}{problem} after line {lines[index]:,}"
        for index, problem in sorted(cut.items())
    ]
    expected = expected_lines(first_line)
    if not missing and expected and sum(lines) < expected:
        missing = [
            f"AmazonTitles-1.3MM's trn.json has {expected:,} lines, this copy of it is cut after line {sum(lines):,}"
        ]
    if missing and not allow_incomplete:
        raise UserError(
            f"{described(files)}: {'; '.join(missing)}; fetch the whole file again, or build from what there is with --allow-incomplete"
        )
    return "; ".join(missing) or None
