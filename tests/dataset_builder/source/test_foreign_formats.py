"""A file in another format is refused; the message names the format, and its command converts the file."""

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
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataset_builder.source.foreign_formats import HEAD_BYTES, require_json_lines
from titlecraft.errors import UserError

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


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("rows.jsonl", LINES)
    return stream.getvalue()


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
    "shop.csv": ("CSV with the columns 'uid', 'title', 'content'", lambda: table(",")),
    "marked.csv": ("CSV with the columns 'uid'", lambda: b"\xef\xbb\xbf" + table(",")),
    "feed.tsv": ("TSV with the columns", lambda: table("\t")),
    "semi.txt": ("CSV (with semicolons) with the columns", lambda: table(";")),
    "rows.parquet": ("Parquet", parquet),
    "one line.json": ("a JSON array", lambda: json.dumps(ROWS).encode()),
    "pretty.json": ("a JSON array", lambda: json.dumps(ROWS, indent=2).encode()),
    "rows.json": ("a JSON array", lambda: ("[\n" + ",\n".join(map(json.dumps, ROWS)) + "\n]\n").encode()),
    "wrapped.json": ("one JSON object with the rows in a list under 'products'", lambda: json.dumps({"count": 40, "products": ROWS}).encode()),
    "it's.json": ("one JSON object with the rows in a list under 'items'", lambda: json.dumps({"items": ROWS}, indent=1).encode()),
    "python.json": ("Python dictionaries, one a line", lambda: "".join(f"{row!r}\n" for row in ROWS).encode()),
    "nan.jsonl": ("JSON lines with NaN or Infinity", lambda: LINES.replace("{", '{"price": NaN, "high": -Infinity, ').encode()),
    "comma.json": ("JSON objects with a comma behind each", lambda: (",\n".join(map(json.dumps, ROWS)) + "\n").encode()),
    "wide.jsonl": ("text in UTF-16", lambda: LINES.encode("utf-16")),
    "wide_le.jsonl": ("text in UTF-16LE", lambda: LINES.encode("utf-16-le")),
    "mac.jsonl": ("line ends of CR alone", lambda: LINES.replace("\n", "\r").encode()),
    "rows.jsonl.bz2": ("compressed with bzip2", lambda: bz2.compress(LINES.encode())),
    "rows.jsonl.xz": ("compressed with xz", lambda: lzma.compress(LINES.encode())),
    "rows.zip": ("a zip archive", zipped),
    "rows.tar": ("a tar archive", tarred),
    "twice.jsonl.gz": ("gzip inside of gzip", lambda: gzip.compress(gzip.compress(LINES.encode()))),
    "shop.csv.gz": ("CSV with the columns 'uid', 'title', 'content' inside of the gzip file", lambda: gzip.compress(table(","))),
    "objects.json": ("JSON objects over several lines each", lambda: "\n".join(json.dumps(row, indent=1) for row in ROWS).encode()),
    "glued.json": ("JSON objects without line ends", lambda: "".join(map(json.dumps, ROWS)).encode()),
    "latin.csv": ("CSV with the columns 'uid', 'title', 'content', in Windows-1252", lambda: table(",").replace(b"small", b"caf\xe9")),
}  # fmt: skip


def refusal(path: Path) -> str:
    head = path.read_bytes()
    with pytest.raises(UserError) as refused:
        require_json_lines(head[:HEAD_BYTES], str(path), len(head) <= HEAD_BYTES)
    return str(refused.value)


@pytest.mark.parametrize("name", CONVERTIBLE)
def test_the_command_in_the_message_gives_the_rows(name: str, tmp_path: Path) -> None:
    what, content = CONVERTIBLE[name]
    (tmp_path / name).write_bytes(content())
    message = refusal(tmp_path / name)
    assert message.startswith(f"{tmp_path / name}: ") and what in message and "\n" not in message
    command = message.partition("unpack it once: ")[2] or message.partition("(one object a line): ")[2]
    unpack, _, convert = command.rpartition(", then: ")
    steps = [unpack.removeprefix("unpack it (").removesuffix(")"), convert] if unpack else [convert]
    for step in steps:
        if not shutil.which(step.split()[0], path=PATH):
            pytest.skip(f"{step.split()[0]} is not on this machine")
        subprocess.run(["bash", "-c", step], cwd=tmp_path, check=True, timeout=60, env=os.environ | {"PATH": PATH})
    made = next(tmp_path / each for each in ("rows.jsonl", "rows.jsonl.gz") if (tmp_path / each).is_file())
    raw = gzip.decompress(made.read_bytes()) if made.suffix == ".gz" else made.read_bytes()
    rows = [json.loads(line) for line in raw.decode("utf-8-sig").splitlines()]
    rows = [{name: row[name].replace("café", "small") for name in ("uid", "title", "content")} for row in rows]
    assert rows == ROWS
    require_json_lines(made.read_bytes(), str(made), True)


REFUSED = {
    "nothing.jsonl": (b"", "the file is empty"),
    "blank.jsonl": (b"\n  \n\n", "a file without any text"),
    "nothing.gz": (gzip.compress(b""), "the gzip file holds nothing"),
    "page.json": (b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>", "an HTML page, perhaps the answer"),
    "page.json.gz": (b"<html>Access denied</html>", "an HTML page, perhaps the answer"),
    "feed.xml": (b'<?xml version="1.0"?>\n<products>\n<product/>\n</products>', "found XML"),
    "rss.xml": (b'<rss version="2.0">\n<channel>\n</channel></rss>', "found XML"),
    "book.xlsx": (b"PK\x03\x04" + b"\0" * 26 + b"[Content_Types].xml" + b"\0" * 99, "an Excel workbook"),
    "book.xls": (b"\xd0\xcf\x11\xe0" + b"\0" * 99, "an old Excel or Word file"),
    "rows.zst": (b"\x28\xb5\x2f\xfd" + b"\0" * 99, "compressed with zstd"),
    "rows.db": (b"SQLite format 3\0" + b"\0" * 99, "an SQLite database"),
    "pointer.jsonl": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 9\n", "a pointer of Git LFS"),
    "plain.json.gz": (LINES.encode(), "not a gzip file, whatever its name says"),
    "rows.yaml": (b"- uid: 1\n  title: Kettle\n- uid: 2\n  title: Lamp\n", "found YAML"),
    "rows.sql": (b"BEGIN;\nINSERT INTO products VALUES (1, 'Kettle');\n" * 9, "found SQL"),
    "noise.bin": (bytes(range(128, 256)) * 9, "bytes that are no text in UTF-8"),
    "lists.json": (b'["SKU1", "Kettle"]\n' * 9, "lists, one a line"),
    "large.json": (json.dumps({"shop": "x", "products": ROWS * 99}).encode(), "in a list under 'products'"),
    "large array.json": (json.dumps(ROWS * 99).encode(), "a JSON array"),
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
def test_malformed_lines_alone_are_accepted(content: str) -> None:
    """They are quarantined one by one; a row may hold lists of objects, and may be longer than what is looked at."""
    raw = content.encode()
    for head in (raw, b"\xef\xbb\xbf" + raw):
        require_json_lines(head[:HEAD_BYTES], "rows.jsonl", len(head) <= HEAD_BYTES)
    require_json_lines(gzip.compress(raw)[:HEAD_BYTES], "rows.jsonl.gz", True)


def test_a_page_that_begins_with_a_comment_is_html() -> None:
    with pytest.raises(UserError, match="an HTML page"):
        require_json_lines(b"\n<!-- proxy -->\n<!DOCTYPE html><html>log in</html>", "rows.json", True)


def test_a_table_with_cr_alone_is_one_and_wrapped_json_is_none() -> None:
    with pytest.raises(UserError, match="CSV with the columns 'id', 'title', 'text'"):
        require_json_lines(b"id,title,text\r1,Lamp,It is lit.\r2,Tent,It is dry.\r", "rows.csv", True)
    require_json_lines(b'callback([{"id": 1, "title": "Lamp", "text": "a"}])', "rows.json", True)  # quarantined by line
    require_json_lines(b'data: {"id": 1, "title": "Lamp"}\ndata: {"id": 2, "title": "Tent"}\n', "rows.json", True)
