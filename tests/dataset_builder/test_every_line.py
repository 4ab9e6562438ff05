"""A generated catalogue against the generator's truth file; files that are cut; one or two processes."""

import gzip
import json
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from benchmarks.world.generate_catalogue import generate
from dataset_builder.source.files.catalogue import CatalogueFile
from dataset_builder.source.read_blocks import read_blocks, require_whole
from tests.dataset_builder.build_offline import build_offline
from titlecraft.errors import UserError
from titlecraft.records import file_sha256
from titlecraft.settings import Data

REASONS = {
    "truncated": "not_json",
    "truncated_in_string": "not_json",
    "invalid_utf8": "not_utf8",
    "invalid_utf8_in_ignored_key": "not_utf8",
    "numeric_title": "title_not_text",
    "list_content": "content_not_text",
    "bool_content": "content_not_text",
    "not_object": "not_an_object",
    "two_objects": "two_objects",
    "raw_control": "not_json",
    "lone_surrogate": "lone_surrogate",
    "nan_literal": "not_json",
    "single_quotes": "not_json",
    "trailing_comma": "not_json",
    "nul_bytes": "not_json",
    "duplicate_key": "duplicate_key",
}
ROWS = {"no_uid_key", "extra_key", "crlf", "uid_number"}
BLANK = {"blank", "spaces"}
EMPTY = {"no_title_key", "no_content_key", "null_title", "null_content"}


@pytest.mark.slow
def test_the_truth_file_is_matched_exactly_whatever_the_number_of_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_blocks, "__defaults__", (0, None, 1 << 18, "utf-8"))  # many blocks of a small file
    made = tmp_path / "trn.json"
    generate(made, 6_000, malformed=0.035, jobs=1)
    truth = json.loads((tmp_path / "trn.json.truth.json").read_text())
    kinds = dict(truth["odd_lines"])
    record = build_offline(made, tmp_path / "one", Data(rows_per_shard=1_200))
    folder = tmp_path / "one" / "publish"
    lines = made.read_bytes().split(b"\n")
    results = {}
    raw_file = made.read_bytes()
    for line in (folder / "quarantine" / "lines.jsonl").read_bytes().splitlines():
        place = msgspec.json.decode(line)
        results[place["line"]] = place["reason"]
        raw = lines[place["line"] - 1]
        assert raw_file[place["offset"] : place["offset"] + len(raw)] == raw
        assert place["bytes"] == len(raw.removesuffix(b"\r"))
        assert set(place["columns"]) <= {"uid", "title", "content"} and "raw" not in place
    assert results == {number: REASONS[kind] for number, kind in kinds.items() if kind not in ROWS | BLANK | EMPTY}
    assert set(kinds.values()) == set(REASONS) | ROWS | BLANK | EMPTY
    assert record.dropped["blank_line"] == sum(kind in BLANK for kind in kinds.values())
    assert record.source.lines == truth["rows"] == 6_000
    published = {
        uid for file in (folder / "data").iterdir() for uid in pq.read_table(file, columns=["uid"])["uid"].to_pylist()
    }
    assert "" in published  # rows without uid are kept
    build_offline(made, tmp_path / "two", Data(rows_per_shard=1_200), workers=2)
    names = sorted(file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    assert len(names) > 6
    for name in names:
        assert file_sha256(folder / name) == file_sha256(tmp_path / "two" / "publish" / name), name


def line(number: int, **others: object) -> bytes:
    row = {
        "uid": f"{number:010d}",
        "title": f"Kettle {number}",
        "content": f"Kettle number {number} boils water for {number} cups.",
    }
    return json.dumps(row | others).encode() + b"\n"


def test_peculiarities_of_the_real_file(tmp_path: Path) -> None:
    """A byte-order mark, CRLF, no newline at the end, blank lines: each read as what it is meant to be."""
    rows = [line(number) for number in range(3)]
    odd = tmp_path / "odd.json"
    odd.write_bytes(b"\xef\xbb\xbf" + rows[0].replace(b"\n", b"\r\n") + b"\r\n" + rows[1] + b"{\n" + rows[2].rstrip())
    record = build_offline(odd, tmp_path / "work", Data(test_share=0.0, validation_share=0.0))
    assert list(record.splits) == ["train"] and not record.leakage
    assert (record.source.lines, record.published, record.dropped) == (5, 3, {"blank_line": 1})
    quarantined = msgspec.json.decode((tmp_path / "work" / "publish" / "quarantine" / "lines.jsonl").read_bytes())
    assert quarantined == {
        "line": 4,
        "offset": odd.read_bytes().index(b"{\n"),
        "bytes": 1,
        "reason": "not_json",
        "columns": {},
    }


def cut_files(folder: Path) -> dict[str, Path]:
    full = b"".join(line(number) for number in range(5000))
    packed = gzip.compress(full, mtime=0)
    first = line(0, uid="0000031909", target_ind=[1]).replace(b'"uid": "0000000000", ', b"")
    made = {
        "the gzip data is cut after line": ("cut.json.gz", packed[: len(packed) // 2]),
        "the last line is cut after line 5,000": ("cut.json", full[:-20]),
        "AmazonTitles-1.3MM's trn.json has 2,248,619 lines, this copy of it is cut after line 5,001": (
            "trn.json",
            first + full,
        ),
    }
    for name, content in made.values():
        (folder / name).write_bytes(content)
    return {message: folder / name for message, (name, _) in made.items()}


def test_a_file_that_is_cut_is_refused_unless_allowed(tmp_path: Path) -> None:
    for number, (message, path) in enumerate(cut_files(tmp_path).items()):
        with pytest.raises(UserError, match=message) as refused:
            build_offline(path, tmp_path / f"refused{number}", Data())
        assert str(path) in str(refused.value) and "--allow-incomplete" in str(refused.value)
        record = build_offline(path, tmp_path / f"allowed{number}", Data(), allow_incomplete=True)
        assert (record.source.missing or "").startswith(message)
        assert record.published > 1000
        assert record.source.lines == record.published + sum(record.dropped.values()) + sum(record.quarantined.values())


TRN_FIRST_LINE = b'{"uid": "0000031909", "title": "Girls Ballet Tutu", "content": "Pink.", "target_ind": [842], "target_rel": [1.0]}\n'


@pytest.mark.parametrize(
    ("first_line", "lines", "missing"),
    [
        (TRN_FIRST_LINE, 1_499_649, "AmazonTitles-1.3MM's trn.json has 2,248,619 lines, this copy of it is cut"),
        (TRN_FIRST_LINE, 2_248_618, "AmazonTitles-1.3MM's trn.json has 2,248,619 lines, this copy of it is cut"),
        (TRN_FIRST_LINE, 2_248_619, None),
        (TRN_FIRST_LINE, 2_250_000, None),  # somebody's longer version
        (TRN_FIRST_LINE.replace(b"0000031909", b"0000031887"), 1_499_649, None),
        (b'{"uid": "0000031909", "title": "Girls Ballet Tutu", "content": "Pink."}\n', 1_499_649, None),
    ],
)
def test_the_known_file_is_complete_with_its_number_of_lines(
    first_line: bytes, lines: int, missing: str | None
) -> None:
    """Copies of 1,499,649 lines, cut between two lines, are in circulation; other catalogues may have any number."""
    files = [CatalogueFile("trn.json", "trn.json", 2_400_000_000, False)]
    message = missing and f"{missing} after line {lines:,}"
    assert require_whole(files, [lines], {}, first_line, allow_incomplete=True) == message
    if missing:
        with pytest.raises(UserError, match=f"{missing} after line {lines:,}; fetch the whole file again"):
            require_whole(files, [lines], {}, first_line, allow_incomplete=False)


def test_lines_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the borders of the blocks fall changes nothing."""
    path = tmp_path / "rows.json"
    path.write_bytes(b"".join(line(number, note="x" * (number % 7 * 300)) for number in range(200)))
    full = build_offline(path, tmp_path / "whole", Data())
    for size in (100, 999, 4096):
        monkeypatch.setattr(read_blocks, "__defaults__", (0, None, size, "utf-8"))
        assert build_offline(path, tmp_path / str(size), Data()) == full
