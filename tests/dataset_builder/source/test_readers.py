"""A new format needs its reader and one line in readers.py; this test adds one."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from dataset_builder.source.parse import Drop, Quarantine, Row
from dataset_builder.source.read_blocks import Block
from dataset_builder.source.reader import Head
from dataset_builder.source.readers import READERS, choose_reader
from tests.dataset_builder.build_offline import build_offline
from titlecraft.settings import Data


class TabParser:
    """Parses lines of three texts between tabs."""

    def __init__(self, header: bytes) -> None:
        self.names = header.decode().split("\t")
        self.absent: Counter[str] = Counter()

    def parse(self, line: bytes) -> Row | Drop | Quarantine:
        if not line.strip():
            return Drop.BLANK_LINE
        cells = line.decode().split("\t")
        if len(cells) != len(self.names):
            return Quarantine.NOT_AN_OBJECT
        row = dict(zip(self.names, cells, strict=True))
        return Row(row["uid"], row["title"], row["content"])

    def published_part(self, line: bytes, reason: Quarantine) -> dict[str, Any]:
        return {}

    def source_text(self, line: bytes) -> str:
        return line.decode()

    def columns(self, lines: list[bytes]) -> Counter[str]:
        return Counter(dict.fromkeys(self.names, len(lines)))


class Tabs:
    """A reader of tables whose first line is `#` and the names of the columns."""

    name = "tabs of this test"
    divisible = False

    def recognises(self, head: Head, settings: Data) -> bool:
        return head.data.startswith(b"#")

    def examine(self, head: Head, settings: Data) -> None:
        return None

    def blocks(self, address: str, settings: Data, start: int, end: int | None) -> Iterator[Block]:
        header, _, data = Path(address).read_bytes().partition(b"\n")
        yield Block(len(header) + 1, data, len(header) + 1 + len(data), "", header[1:])

    def parser(self, settings: Data, header: bytes) -> TabParser:
        return TabParser(header)


def test_a_reader_of_another_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataset_builder.source.readers.READERS", [Tabs(), *READERS])
    path = tmp_path / "rows.tab"
    lines = [f"{number}\tKettle {number}\tIt boils water for {number} cups of tea." for number in range(3)]
    path.write_text("\n".join(["#uid\ttitle\tcontent", *lines, "", "9\ttoo few"]) + "\n")
    record = build_offline(path, tmp_path / "work", Data(test_share=0.0, validation_share=0.0))
    assert (record.source.lines, record.published) == (5, 3)
    assert (record.dropped, record.quarantined) == ({"blank_line": 1}, {"not_an_object": 1})
    shard = tmp_path / "work" / "publish" / record.splits["train"].files[0].path
    assert pq.read_table(shard)["title"].to_pylist() == ["Kettle 0", "Kettle 1", "Kettle 2"]
    line = msgspec.json.decode((tmp_path / "work" / "publish" / "quarantine" / "lines.jsonl").read_bytes())
    assert line["offset"] == path.read_bytes().index(b"9\ttoo few") and line["bytes"] == len(b"9\ttoo few")


def test_every_file_has_a_reader() -> None:
    assert choose_reader(Head(b"", True, "rows"), Data()).name == "JSON lines"
    assert len({reader.name for reader in READERS}) == len(READERS)
