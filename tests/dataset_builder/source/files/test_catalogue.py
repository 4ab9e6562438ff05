"""The files of a catalogue: paths, globs and URLs; several files form one catalogue; the parts of a file have all its lines."""

import gzip
from itertools import pairwise
from pathlib import Path
from typing import Any

import fsspec
import msgspec
import pytest

from dataset_builder.source.examine import examine_files
from dataset_builder.source.files.text import open_text
from dataset_builder.source.find_files import find_files, require_unchanged
from dataset_builder.source.read_blocks import read_blocks
from dataset_builder.workers.in_order import worker_processes
from tests.dataset_builder.build_offline import build_offline
from titlecraft.command_line.demo.catalogue import catalogue_lines
from titlecraft.errors import UserError
from titlecraft.records import Code, SourceFile, digest
from titlecraft.records.dataset import key_inputs
from titlecraft.settings import Data, Recipe

LINES = [line + b"\n" for line in catalogue_lines(3000, 4)]


@pytest.fixture
def three_files(tmp_path: Path) -> list[str]:
    """The lines in three files, the second one compressed, in two folders."""
    (tmp_path / "in" / "more").mkdir(parents=True)
    (tmp_path / "in" / "a-1.json").write_bytes(b"".join(LINES[:1000]))
    (tmp_path / "in" / "a-2.json.gz").write_bytes(gzip.compress(b"".join(LINES[1000:1700]), mtime=0))
    (tmp_path / "in" / "more" / "b.json").write_bytes(b"".join(LINES[1700:]))
    return [str(tmp_path / "in" / "more" / "b.json"), str(tmp_path / "in" / "a-*")]


def names(given: list[str]) -> list[str]:
    with worker_processes(1) as in_order:
        return [file.name for file in examine_files(find_files(given), Data(), in_order)]


def test_files_are_sorted_by_their_addresses(three_files: list[str]) -> None:
    assert names(three_files) == names([*three_files, three_files[0]]) == ["a-1.json", "a-2.json.gz", "b.json"]
    assert names(three_files[:1]) == ["b.json"]
    assert names([f"file://{three_files[1]}"]) == ["a-1.json", "a-2.json.gz"]


def test_several_files_are_one_catalogue(three_files: list[str], tmp_path: Path) -> None:
    (tmp_path / "whole.json").write_bytes(b"".join(LINES))
    whole = build_offline(tmp_path / "whole.json", tmp_path / "one", Data())
    parts = build_offline(three_files, tmp_path / "three", Data())
    assert [file.lines for file in parts.source.files] == [1000, 700, 1300]
    assert msgspec.structs.replace(parts, key=whole.key, source=whole.source) == whole
    odd = [
        [msgspec.json.decode(line) for line in (tmp_path / of / "publish" / "quarantine" / "lines.jsonl").open("rb")]
        for of in ("one", "three")
    ]
    begins = {"a-1.json": 0, "a-2.json.gz": 1000, "b.json": 1700}
    assert len(odd[0]) > 2
    assert [place["line"] for place in odd[0]] == [begins[place["file"]] + place["line"] for place in odd[1]]
    assert [place["columns"] for place in odd[0]] == [place["columns"] for place in odd[1]]


def test_a_cut_file_among_several_is_named(three_files: list[str], tmp_path: Path) -> None:
    cut = tmp_path / "in" / "a-1.json"
    cut.write_bytes(cut.read_bytes()[:-10])
    with pytest.raises(UserError, match=r"3 files: a-1\.json: the last line is cut after line 1,000; fetch"):
        build_offline(three_files, tmp_path / "cut", Data())


def put(url: str, raw: bytes) -> None:
    file: Any = fsspec.open(url, "wb")
    with file as stream:
        stream.write(raw)


def test_a_remote_file_system(tmp_path: Path) -> None:
    put("memory://rows/b.json.gz", gzip.compress(b"".join(LINES[1500:])))
    put("memory://rows/a.json", b"".join(LINES[:1500]))
    record = build_offline(["memory://rows/*.json*"], tmp_path / "work", Data())
    assert [(file.name, file.lines) for file in record.source.files] == [("a.json", 1500), ("b.json.gz", 1500)]
    found = find_files(["memory://rows/*.json*"])
    require_unchanged(["memory://rows/*.json*"], found)
    put("memory://rows/a.json", b"".join(LINES[:1500]))
    with pytest.raises(UserError, match=r"memory:///rows/a\.json: the file changed while it was read"):
        require_unchanged(["memory://rows/*.json*"], found)


@pytest.mark.parametrize(
    "given, message",
    [
        ("no-*.json", "no-*.json: no file matches"),
        ("memory://nowhere/*.json", "no file there"),
        ("memory://nowhere/a.json", "no such file"),
        ("oci://bucket/*.json", "pip install ocifs"),
        ("nonsense://bucket/*.json", "Protocol not known: nonsense; expected a path, or a URL that fsspec knows"),
    ],
)
def test_missing_files(given: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        find_files([given])
    assert message in str(refused.value) and given in str(refused.value)


def test_key_depends_on_names_only_if_they_are_published() -> None:
    def key(*names: str) -> str:
        files = [SourceFile(name=name, bytes=9, sha256="a" * 64, lines=1) for name in names]
        return digest(
            key_inputs(
                files, Recipe().data, Recipe().prompt, Code(titlecraft="1", sources="2", python="3", packages={})
            )
        )

    assert key("b.json") == key("c.json")
    assert len({key("b.json"), key("b.json", "c.json"), key("b.json", "d.json")}) == 3


def test_parts_of_a_file_have_each_line_once(tmp_path: Path) -> None:
    """Borders in the middle of a line, at its end, before and behind it, in a line longer than a part; no newline at the end."""
    path = tmp_path / "rows.json"
    text = b"".join(b"%d " % number * (number % 40) + b"\n" for number in range(300)) + b"\n\nlast"
    path.write_bytes(text)
    for size in (7, 10, 100, 101, 102, 5000, len(text), 2 * len(text)):
        borders = [*range(0, len(text), size), None]
        for block_bytes in (3, 64, 1 << 20):
            blocks = [
                block for start, end in pairwise(borders) for block in read_blocks(str(path), start, end, block_bytes)
            ]
            assert b"".join(block.data for block in blocks) == text
            assert all(text[block.offset :].startswith(block.data) for block in blocks)


def test_a_range_within_a_long_line_does_not_read_all_of_it(tmp_path: Path) -> None:
    (path := tmp_path / "long.json").write_bytes(b"x" * 100 + b"\n{}\n")
    with open_text(str(path), 10, end=20) as text:
        assert text.offset == 20 == text.disk.tell()
    with open_text(str(path), 10, end=103) as text:
        assert text.offset == 101
    blocks = [list(read_blocks(str(path), start, end)) for start, end in ((0, 10), (10, 20), (20, 101), (101, None))]
    assert [b"".join(block.data for block in each) for each in blocks] == [b"x" * 100 + b"\n", b"", b"", b"{}\n"]
