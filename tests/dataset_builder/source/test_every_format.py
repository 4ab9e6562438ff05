"""One catalogue in every format gives the same published files; a malformed row costs itself, with its number and its source."""

import bz2
import csv
import gzip
import io
import json
import lzma
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from tests.dataset_builder.build_offline import build_offline
from titlecraft.errors import UserError
from titlecraft.records import DatasetRecord, file_sha256
from titlecraft.settings import Data

ROWS = [
    {
        "uid": f"SKU{number:05d}",
        "title": f'Kettle, "small"; it\'s | {number}',
        "content": f'Kettle {number} boils water;\nit\'s made of steel, "brushed"\tand {{weighs}} [2] kg: café №{number % 7}, {{}}.',
    }
    for number in range(60)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
SETTINGS = Data(test_share=0.2, validation_share=0.1, near_duplicates=False)


def table(delimiter: str, **options: Any) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["uid", "title", "content"], delimiter=delimiter, **options)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


def arrow(stream: bool) -> bytes:
    sink, rows = io.BytesIO(), pa.Table.from_pylist(ROWS)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=7)
    return sink.getvalue()


def parquet() -> bytes:
    sink = io.BytesIO()
    others = [{"price": number / 3, "tags": ["a", "b"], **row} for number, row in enumerate(ROWS)]
    pq.write_table(pa.Table.from_pylist(others), sink, row_group_size=11)
    return sink.getvalue()


def array(**options: Any) -> bytes:
    return json.dumps(ROWS, **options).encode()


def feed(row: str, namespace: str = "") -> bytes:
    """The catalogue as XML, with other elements around and inside of the rows."""
    mark = "g:" if namespace else ""
    texts = [
        f"<{row} state='new'>" + "".join(f"<{mark}{name}>{escape(text)}</{mark}{name}>" for name, text in each.items())
        + f"<{mark}price>1 EUR</{mark}price><shipping><title>Post</title></shipping></{row}>"
        for each in ROWS
    ]  # fmt: skip
    return f"<?xml version='1.0' encoding='UTF-8'?>\n<rss{namespace}><channel><title>Shop</title>{''.join(texts)}</channel></rss>".encode()


FORMATS: dict[str, Callable[[], bytes]] = {
    "unicode.jsonl": lambda: "".join(json.dumps(row, ensure_ascii=False) + "\r\n" for row in ROWS).encode("utf-8-sig"),
    "pretty.json": lambda: array(indent=2),
    "marked.json": lambda: b"\xef\xbb\xbf \n" + array(indent=1, ensure_ascii=False),
    "one_line.json": array,
    "rows.json": lambda: ("[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n").encode(),
    "commas.json": lambda: (",\n".join(map(json.dumps, ROWS)) + "\n").encode(),
    "objects.json": lambda: "\n".join(json.dumps(row, indent=1) for row in ROWS).encode(),
    "glued.json": lambda: "".join(map(json.dumps, ROWS)).encode(),
    "mac.json": lambda: LINES.replace("\n", "\r").encode(),
    "pages.json": lambda: (json.dumps(ROWS[:25], indent=1) + "\n" + json.dumps(ROWS[25:])).encode(),
    "shop.csv": lambda: table(","),
    "quoted.csv": lambda: b"\xef\xbb\xbf" + table(",", quoting=csv.QUOTE_ALL, lineterminator="\n"),
    "feed.tsv": lambda: table("\t"),
    "excel.csv": lambda: b"\xef\xbb\xbfsep=;\r\n" + table(";"),
    "tabs.csv": lambda: b"sep=\t\r\n" + table("\t"),
    "late.csv": lambda: b"\n\r\n" + table(","),
    "semicolons.csv": lambda: table(";"),
    "bars.txt": lambda: table("|"),
    "mysql.csv": lambda: table(",", quoting=csv.QUOTE_ALL, doublequote=False, escapechar="\\"),
    "rows.parquet": parquet,
    "rows.feather": lambda: arrow(stream=False),
    "rows.arrow": lambda: arrow(stream=True),
    "python.json": lambda: "".join(f"{row!r}\n" for row in ROWS).encode(),
    "rss.xml": lambda: feed("item", " xmlns:g='http://base.google.com/ns/1.0'"),
    "shop.yml": lambda: feed("offer"),
    "feed.xml.gz": lambda: gzip.compress(feed("product")),
    "rows.jsonl.gz": lambda: gzip.compress(LINES[:4000].encode()) + gzip.compress(LINES[4000:].encode()),
    "rows.jsonl.bz2": lambda: bz2.compress(LINES[:4000].encode()) + bz2.compress(LINES[4000:].encode()),
    "rows.jsonl.xz": lambda: lzma.compress(LINES[:4000].encode()) + b"\0" * 8 + lzma.compress(LINES[4000:].encode()),
    "rows.jsonl.zst": lambda: zstandard.compress(LINES[:4000].encode()) + zstandard.compress(LINES[4000:].encode()),
    "shop.csv.gz": lambda: gzip.compress(table(",")),
    "pretty.json.zst": lambda: zstandard.compress(array(indent=2)),
    "python.json.bz2": lambda: bz2.compress("".join(f"{row!r}\n" for row in ROWS).encode()),
}


def published(folder: Path) -> dict[str, str]:
    """The sha256 of each published parquet file."""
    return {file.name: file_sha256(file) for file in sorted((folder / "publish" / "data").iterdir())}


def quarantined(folder: Path) -> list[dict[str, Any]]:
    return [
        msgspec.json.decode(line)
        for line in (folder / "publish" / "quarantine" / "lines.jsonl").read_bytes().splitlines()
    ]


@pytest.fixture(scope="module")
def of_json_lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("lines")
    (folder / "rows.jsonl").write_text(LINES)
    build_offline(folder / "rows.jsonl", folder / "work", SETTINGS)
    return published(folder / "work")


def build(tmp_path: Path, name: str, content: bytes, settings: Data = SETTINGS, **options: Any) -> DatasetRecord:
    (tmp_path / name).write_bytes(content)
    return build_offline(tmp_path / name, tmp_path / "work", settings, **options)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_rows_give_the_same_files(name: str, tmp_path: Path, of_json_lines: dict[str, str]) -> None:
    record = build(tmp_path, name, FORMATS[name]())
    assert (record.source.lines, record.published, record.dropped, record.quarantined) == (60, 60, {}, {})
    assert published(tmp_path / "work") == of_json_lines and len(of_json_lines) == 3


def test_a_list_inside_a_document(tmp_path: Path, of_json_lines: dict[str, str]) -> None:
    document = {"count": 60, "tags": [[1], {"products": 3}], "shop": {"products": ROWS, "more": [1]}, "end": "]"}
    for number, indent in enumerate([None, 2]):
        folder = tmp_path / str(number)
        folder.mkdir()
        settings = replace(SETTINGS, records="shop.products")
        record = build(folder, "wrapped.json", json.dumps(document, indent=indent).encode(), settings)
        assert (record.source.lines, record.published) == (60, 60)
        assert published(folder / "work") == of_json_lines


GOOD = [json.dumps(row) for row in ROWS[:9]]
MALFORMED: dict[str, tuple[bytes, dict[int, tuple[str, bytes]], int]] = {
    "broken.json": (
        ("[" + ",\n ".join([GOOD[0], '{"uid": }', GOOD[1], "[3, [4]]", "12", GOOD[2], '{"title": "no end}\n', GOOD[3], "null"]) + "]").encode(),
        {2: ("not_json", b'{"uid": }'), 4: ("not_an_object", b"[3, [4]]"), 5: ("not_an_object", b"12"), 7: ("not_json", b'{"title": "no end}'), 9: ("not_an_object", b"null")},
        4,
    ),
    "bytes.json": (b"[" + GOOD[0].encode() + b',{"title": "caf\xe9"}, ' + GOOD[1].encode() + b"]", {2: ("not_utf8", b'{"title": "caf\xe9"}')}, 2),
    "lines.jsonl": (f"{GOOD[0]}\n{{cut\n{GOOD[1]}\n".encode(), {2: ("not_json", b"{cut")}, 2),
    "python.json": (
        f"{ROWS[0]!r}\n{{'title': __import__('os')}}\n{ROWS[1]!r}\n{{'title': 'a', 'title': 'b', 'content': 'c'}}\n".encode(),
        {2: ("not_python", b"{'title': __import__('os')}"), 4: ("duplicate_key", b"{'title': 'a', 'title': 'b', 'content': 'c'}")},
        2,
    ),
    "shop.csv": (
        table(",").replace(b"\r\nSKU00004", b'\r\nSKU00099,"Lamp" red,It is lit.\r\nSKU00098,too few\r\na,b,caf\xe9 is where it stands\r\n\r\nSKU00004'),
        {5: ("not_quoted", b'SKU00099,"Lamp" red,It is lit.\r\n'), 6: ("cell_count", b"SKU00098,too few\r\n"), 7: ("not_utf8", b"a,b,caf\xe9 is where it stands\r\n")},
        60,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_row_costs_itself(name: str, tmp_path: Path) -> None:
    content, expected, rows = MALFORMED[name]
    record = build(tmp_path, name, content, replace(SETTINGS, quarantine="raw"))
    entries = quarantined(tmp_path / "work")
    assert {entry["line"]: entry["reason"] for entry in entries} == {
        number: reason for number, (reason, _) in expected.items()
    }
    for entry in entries:
        source = expected[entry["line"]][1]
        assert content[entry["offset"] : entry["offset"] + entry["bytes"]] == source
        if name != "shop.csv":
            assert entry["raw"] == source.decode("utf-8", "backslashreplace")
    assert record.published == rows and record.source.lines == rows + len(expected) + (name == "shop.csv")


def test_columns_of_another_type_are_quarantined_with_their_source(tmp_path: Path) -> None:
    sink = io.BytesIO()
    pq.write_table(
        pa.Table.from_pylist([{"uid": 2**60, "title": "A", "content": 1.5, "secret": "x"}, {"content": None}]), sink
    )
    with pytest.raises(UserError, match="none of 2 lines gives a row"):
        build(tmp_path, "rows.parquet", sink.getvalue(), replace(SETTINGS, quarantine="raw"))
    (entry,) = quarantined(tmp_path / "work")
    assert entry == {"line": 1, "reason": "content_not_text", "columns": {"uid": 2**60, "title": "A", "content": 1.5}, "raw": f'{{"uid":{2**60},"title":"A","content":1.5}}'}  # fmt: skip


@pytest.mark.parametrize(("name", "content", "lines"), [
    ("array.json", json.dumps(ROWS).encode()[:-9], 60),
    ("closed.json", (json.dumps(ROWS)[:-1] + ",\n").encode(), 60),
    ("shop.csv", table(",")[:-9], 61),
    ("bare.csv", b"uid,title,content\na,Lamp,It is lit in the night.\nb,Tent", 2),
    ("feed.xml", feed("item")[:-30], 59),
    ("feed.xml.gz", gzip.compress(feed("item"))[:-30], None),
    ("rows.jsonl.xz", lzma.compress(LINES.encode())[:-40], None),
    ("rows.jsonl.bz2", bz2.compress(LINES.encode() * 99)[:-40], None),
    ("rows.jsonl.zst", zstandard.compress(LINES.encode() * 99)[:-40], None),
    ("shop.csv.gz", gzip.compress(table(","))[:-40], None),
])  # fmt: skip
def test_a_cut_file_is_refused(name: str, content: bytes, lines: int | None, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"is cut after line {lines or ''}.*--allow-incomplete"):
        build(tmp_path, name, content)
    if lines:
        (tmp_path / "again").mkdir()
        assert build(tmp_path / "again", name, content, allow_incomplete=True).source.lines == lines


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    noise = bytes(range(256)) * 9
    for name, content in {
        "rows.jsonl.xz": lzma.compress(LINES.encode())[:200] + noise,
        "rows.jsonl.bz2": bz2.compress(LINES.encode())[:200] + noise,
        "rows.jsonl.zst": zstandard.compress(LINES.encode() * 50)[:900] + noise,
        "tail.jsonl.xz": lzma.compress(LINES.encode()) + b"garbage behind the end",
        "rows.parquet": parquet()[:-9],
        "rows.feather": arrow(stream=False)[:-9],
        "rows.arrow": arrow(stream=True)[:-300],
    }.items():
        with pytest.raises(UserError, match=f"{name}: .*(damaged|is cut)"):
            build(tmp_path, name, content)
        shutil.rmtree(tmp_path / "work", ignore_errors=True)


def test_an_element_without_an_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dataset_builder.source.formats.json_documents.LONGEST_ELEMENT", 5_000)
    monkeypatch.setattr("dataset_builder.source.formats.json_documents.BLOCK_BYTES", 3_000)
    with pytest.raises(UserError, match=r"row 3, which begins at byte .* has no end within"):
        build(tmp_path, "rows.json", json.dumps(ROWS).replace("SKU00002", 'SKU00002", "more": {"a": "', 1).encode())


def test_the_sizes_of_pieces_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_json_lines: dict[str, str]
) -> None:
    for number, name in enumerate(["pretty.json", "glued.json", "shop.csv", "rows.parquet", "marked.json"]):
        for size in (7, 1000):
            monkeypatch.setattr("dataset_builder.source.formats.json_documents.BLOCK_BYTES", size)
            monkeypatch.setattr("dataset_builder.source.formats.tables.BLOCK_BYTES", size)
            monkeypatch.setattr("dataset_builder.source.formats.columnar.BLOCK_BYTES", size)
            folder = tmp_path / f"{number}-{size}"
            folder.mkdir()
            build(folder, name, FORMATS[name]())
            assert published(folder / "work") == of_json_lines


def test_a_feed_names_its_elements_and_its_faults(tmp_path: Path) -> None:
    text = b"<shop><good sku='7'><title>Lamp</title><g:title xmlns:g='u'>No</g:title><content>It is <b>lit</b> in the night.</content></good></shop>"
    with pytest.raises(
        UserError, match=r"no element named item, .*; there are shop, good, title, content, b: set --data.records"
    ):
        build(tmp_path, "a.xml", text)
    (tmp_path / "b").mkdir()
    record = build(
        tmp_path / "b", "a.xml", text, Data(records="good", uid_column="sku", test_share=0, validation_share=0)
    )
    row = pq.read_table(tmp_path / "b" / "work" / "publish" / record.splits["train"].files[0].path).to_pylist()[0]
    assert (row["uid"], row["title"], row["output"]) == ("7", "Lamp", "It is lit in the night.")
    for name, content, message in (
        ("c.xml", b"<a><item><title>x</wrong></item></a>", r"no well-formed XML behind row 0 \(mismatched tag: line 1"),
        (
            "d.xml",
            b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a><item><title>&e;</title></item></a>",
            "no well-formed XML|gives a row|no line has",
        ),
    ):
        (tmp_path / name[0]).mkdir()
        with pytest.raises(UserError, match=message):
            build(tmp_path / name[0], name, content)
    bomb = (
        "<!DOCTYPE a [<!ENTITY x0 'ha'>"
        + "".join(f"<!ENTITY x{n} '{f'&x{n - 1};' * 10}'>" for n in range(1, 12))
        + "]><a><item><title>&x11;</title></item></a>"
    )
    (tmp_path / "e").mkdir()
    with pytest.raises(UserError, match="no well-formed XML"):
        build(tmp_path / "e", "e.xml", bomb.encode())
