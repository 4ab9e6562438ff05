"""A gzip file with trailing bytes is not reported as cut, because no row is missing."""

import gzip
from pathlib import Path

import pytest

from dataset_builder.source.read_blocks import read_blocks
from titlecraft.errors import UserError

LINES = b"".join(b'{"title": "Lamp %d", "content": "It gives light."}\n' % number for number in range(20_000))
WHOLE = gzip.compress(LINES)


@pytest.mark.parametrize("behind", [b"g", b"garbage", b"no gzip data, and more than a header of it", b"\0\0garbage"])
@pytest.mark.parametrize("members", [1, 2])
def test_trailing_bytes_are_reported(behind: bytes, members: int, tmp_path: Path) -> None:
    file = tmp_path / "rows.json.gz"
    file.write_bytes(WHOLE * members + behind)
    with pytest.raises(UserError, match="gzip data"):
        list(read_blocks(str(file)))
    if len(behind) < 10:
        with pytest.raises(
            UserError, match=r"\d bytes that are no gzip data stand behind its end: unpack it with gunzip"
        ):
            list(read_blocks(str(file)))


@pytest.mark.parametrize("content", [WHOLE, WHOLE * 2, WHOLE + bytes(700)])
def test_members_and_zeros_are_read(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "rows.json.gz"
    file.write_bytes(content)
    blocks = list(read_blocks(str(file)))
    assert b"".join(block.data for block in blocks) == LINES * (2 if content == WHOLE * 2 else 1)
    assert not any(block.cut for block in blocks)


@pytest.mark.parametrize("cut", [1, 8, 300])
def test_a_cut_file_is_still_cut(cut: int, tmp_path: Path) -> None:
    file = tmp_path / "rows.json.gz"
    file.write_bytes(WHOLE[:-cut])
    assert list(read_blocks(str(file)))[-1].cut == "the gzip data is cut"
