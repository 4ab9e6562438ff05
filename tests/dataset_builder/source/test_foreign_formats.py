"""A file in a format that no reader reads is refused; the message names the format, and its command converts the file."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataset_builder.source.examine import HEAD_BYTES, examine
from dataset_builder.source.files.catalogue import Listed
from titlecraft.errors import UserError
from titlecraft.settings import Data

ROWS = [
    {"uid": f"SKU{number:05d}", "title": f"Kettle, \"small\" {number}", "content": f"Kettle {number} boils water; it's made of steel."}
    for number in range(40)
]  # fmt: skip
LINES = "".join(json.dumps(row) + "\n" for row in ROWS)
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"  # the Python that has pandas


def table(delimiter: str) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["uid", "title", "content"], delimiter=delimiter)
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


def tarred() -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        about = tarfile.TarInfo("rows.jsonl")
        about.size = len(LINES)
        archive.addfile(about, io.BytesIO(LINES.encode()))
    return stream.getvalue()


def parquet() -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(ROWS), stream)
    return stream.getvalue()


CONVERTIBLE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nan.jsonl": ("JSON lines with NaN or Infinity", lambda: LINES.replace("{", '{"price": NaN, "high": -Infinity, ').encode()),
    "rows.tar": ("a tar archive", tarred),
    "twice.jsonl.gz": ("gzip inside of gzip", lambda: gzip.compress(gzip.compress(LINES.encode()))),
    "mixed.jsonl.bz2": ("gzip inside of bzip2", lambda: bz2.compress(gzip.compress(LINES.encode()))),
    "nan.jsonl.gz": ("JSON lines with NaN or Infinity, which JSON does not have (RFC 8259) inside of the gzip file", lambda: gzip.compress(LINES.replace("{", '{"price": NaN, ').encode())),
    "nan.jsonl.xz": ("inside of the xz file", lambda: lzma.compress(LINES.replace("{", '{"price": NaN, ').encode())),
}  # fmt: skip


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as refused:
        format_of(path)
    return str(refused.value)


def format_of(path: Path, settings: Data | None = None) -> str:
    return examine((Listed(str(path), 1, ""), path.name, settings or Data())).format


@pytest.mark.parametrize("name", CONVERTIBLE)
def test_the_command_in_the_message_gives_the_rows(name: str, tmp_path: Path) -> None:
    what, content = CONVERTIBLE[name]
    (tmp_path / name).write_bytes(content())
    message = refusal(tmp_path / name)
    assert message.startswith(f"{tmp_path / name}: ") and what in message and "\n" not in message
    command = (
        message.partition("unpack it once: ")[2] or message.partition("expected JSON, CSV, XML, Parquet or Arrow: ")[2]
    )
    unpack, _, convert = command.rpartition(", then: ")
    steps = [unpack.removeprefix("unpack it (").removesuffix(")"), convert] if unpack else [convert]
    for step in steps:
        if not shutil.which(step.split()[0], path=PATH):
            pytest.skip(f"{step.split()[0]} is not on this machine")
        subprocess.run(["bash", "-c", step], cwd=tmp_path, check=True, timeout=60, env=os.environ | {"PATH": PATH})
    made = next(
        tmp_path / each for each in ("rows.jsonl", "rows.jsonl.gz", "utf8.jsonl") if (tmp_path / each).is_file()
    )
    raw = gzip.decompress(made.read_bytes()) if made.suffix == ".gz" else made.read_bytes()
    rows = [json.loads(line) for line in raw.decode("utf-8-sig").splitlines()]
    rows = [{name: row[name].replace("café", "small") for name in ("uid", "title", "content")} for row in rows]
    assert rows == ROWS
    assert format_of(made) == "JSON lines"


REFUSED = {
    "nothing.jsonl": (b"", "the file is empty"),
    "blank.jsonl": (b"\n  \n\n", "a file without any text"),
    "nothing.gz": (gzip.compress(b""), "the gzip file holds nothing"),
    "page.json": (b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>", "an HTML page, perhaps the answer"),
    "page.json.gz": (b"<html>Access denied</html>", "an HTML page, perhaps the answer"),
    "book.xlsx": (b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml" + b"\0" * 99, "an Excel workbook"),
    "book.xls": (b"\xd0\xcf\x11\xe0" + b"\0" * 99, "an old Excel or Word file"),
    "nothing.xz": (lzma.compress(b""), "the xz file holds nothing"),
    "rows.zst": (b"\x28\xb5\x2f\xfd" + b"\xff" * 99, "the zstd data is damaged"),
    "rows.parquet.gz": (gzip.compress(parquet()), "found Parquet or Arrow inside of gzip: unpack it"),
    "twice.csv": (b"title,content,title\n" + b"A,B,C\n" * 9, "the header has 'title' 2 times"),
    "rows.db": (b"SQLite format 3\0" + b"\0" * 99, "an SQLite database"),
    "pointer.jsonl": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a pointer of Git LFS"),
    "plain.json.gz": (LINES.encode(), "not a gzip file, whatever its name says"),
    "rows.yaml": (b"- uid: 1\n  title: Kettle\n- uid: 2\n  title: Lamp\n", "found YAML"),
    "rows.sql": (b"BEGIN;\nINSERT INTO products VALUES (1, 'Kettle');\n" * 9, "found SQL"),
    "noise.bin": (bytes(range(128, 256)) * 9, "bytes that are no text in UTF-8"),
    "lists.json": (b'["SKU1", "Kettle"]\n' * 9, "lists, one a line"),
    "large.json": (
        json.dumps({"shop": "x", "products": ROWS * 999}).encode(),
        "in a list under 'products': set --data.records=products",
    ),
    "wrapped.json": (
        json.dumps({"count": 40, "products": ROWS}, indent=1).encode(),
        "in a list under 'products': set --data.records=products",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_formats_are_named(name: str, tmp_path: Path) -> None:
    content, what = REFUSED[name]
    (tmp_path / name).write_bytes(content)
    message = refusal(tmp_path / name)
    assert what in message and message.startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("content", [
    LINES, LINES.partition("\n")[0] + "\n" + "{cut\n" * 9, '{"title": "A", }\n' * 9, "\n" + LINES, "[1]\n" + LINES, "{'a': 1}\n" + LINES, "title,content\n" + LINES, "<b>\n" + LINES, LINES[:30],
    '{"images": [{"url": "a"}, {"url": "b"}], "title": "A", "content": "B"}', '{"title": "A", "tags": [{"a": 1}]}\n',
    json.dumps({"title": "A", "content": "B" * HEAD_BYTES, "n": [{"a": 1}]}), "{\n" * 3 + LINES,
    json.dumps({"reviews": [{"by": "x", "text": "y" * 99}] * 9, "title": "A", "content": "C" * HEAD_BYTES}),
])  # fmt: skip
def test_malformed_lines_alone_are_accepted(content: str, tmp_path: Path) -> None:
    """They are quarantined one by one; a row may hold lists of objects, and may be longer than what is looked at."""
    raw = content.encode()
    for number, data in enumerate((raw, b"\xef\xbb\xbf" + raw, gzip.compress(raw))):
        (tmp_path / f"rows{number}").write_bytes(data)
        assert format_of(tmp_path / f"rows{number}") == "JSON lines"


def test_a_page_that_begins_with_a_comment_is_html(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_bytes(b"\n<!-- proxy -->\n<!DOCTYPE html><html>log in</html>")
    assert "an HTML page" in refusal(tmp_path / "rows.json")


FORMATS = {
    "feed.xml": (b'<?xml version="1.0"?>\n<products>\n<product/>\n</products>', "XML"),
    "rss.xml": (b'<rss version="2.0">\n<channel>\n</channel></rss>', "XML"),
    "cr.csv": (b"id,title,text\r1,Lamp,It is lit.\r2,Tent,It is dry.\r", "CSV"),
    "header.csv": (b"id,title,text\n", "CSV"),
    "spaces.csv": (b'id, title, text\n1, "Lamp, red", "It is lit."\n2, "Tent, green", "It is dry."\n', "CSV"),
    "large array.json": (json.dumps(ROWS * 999).encode(), "JSON"),
    "empty.json": (b" [ ]\n", "JSON"),
    "callback.json": (b'callback([{"id": 1, "title": "Lamp", "text": "a"}])', "JSON lines"),
    "events.json": (b'data: {"id": 1, "title": "Lamp"}\ndata: {"id": 2, "title": "Tent"}\n', "JSON lines"),
    "python.json": (b"{u'asin': u'1', u'title': u'Lamp'}\n" * 3, "Python dictionaries"),
    "latin.csv": (table(",").replace(b"small", b"caf\xe9"), "CSV"),
}


@pytest.mark.parametrize("name", FORMATS)
def test_formats_are_recognised(name: str, tmp_path: Path) -> None:
    content, format_name = FORMATS[name]
    (tmp_path / name).write_bytes(content)
    assert format_of(tmp_path / name) == format_name
