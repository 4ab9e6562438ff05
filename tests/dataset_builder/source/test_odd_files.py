"""Tables and archives of odd make: read where nothing is lost, else refused in one line that names the fix."""

import csv
import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.dataset_builder.build_offline import build_offline
from titlecraft.errors import UserError
from titlecraft.settings import Data

ROWS = [
    {"uid": f"K{n}", "title": f"Kettle {n}", "content": f"Kettle number {n}, made of steel; it holds {n} cups."}
    for n in range(40)
]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()
ALL = Data(test_share=0.0, validation_share=0.0)


def table(**options: Any) -> bytes:
    text = io.StringIO(newline="")
    dialect: dict[str, Any] = {"lineterminator": "\n"} | options
    writer = csv.writer(text, **dialect)
    writer.writerows([ROWS[0].keys(), *(row.values() for row in ROWS)])
    return text.getvalue().encode()


def ended(mark: bytes, header: bool) -> bytes:
    first, *rows = table().splitlines()
    return b"\n".join([first + mark * header, *(row + mark for row in rows)]) + b"\n"


@pytest.mark.parametrize(
    "data",
    [
        *(table(delimiter=mark) for mark in ",;|^~\t\x01"),
        *(table(quotechar="'", quoting=csv.QUOTE_ALL, delimiter=mark) for mark in ",;"),
        *(ended(mark, header) for mark in (b",", b",,") for header in (False, True)),
        LINES + b"\xef\xbb\xbf" + LINES,
    ],
)
def test_every_row_is_read(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "rows.txt").write_bytes(data)
    record = build_offline(tmp_path / "rows.txt", tmp_path / "work", ALL)
    assert record.published == len(ROWS) and not record.quarantined
    assert record.example is not None and record.example["output"] == ROWS[0]["content"]


@pytest.mark.parametrize("odd", ["X,Title,Some text,more", "X,Title", "X,Title,Some text,,more"])
def test_rows_of_another_length_are_quarantined(odd: str, tmp_path: Path) -> None:
    """As `pandas.read_csv(on_bad_lines="warn")` leaves them out; a row that is too short is not filled up."""
    (tmp_path / "rows.csv").write_bytes(table() + odd.encode() + b"\n")
    record = build_offline(tmp_path / "rows.csv", tmp_path / "work", ALL)
    assert record.published == len(ROWS) and record.quarantined == {"cell_count": 1}
    quarantine = next((tmp_path / "work" / "publish" / "quarantine").iterdir()).read_text()
    assert '"line":41' in quarantine


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("rows.jsonl", LINES)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("rows.zip", zipped()[:-30], "the zip archive is cut or damaged"),
        ("rows.jsonl.gz", gzip.compress(LINES) + b"tail", "4 bytes that are no gzip data stand behind its end"),
        ("rows.jsonl.gz", gzip.compress(LINES)[:-4], "the gzip data is cut"),
    ],
)
def test_damage_is_one_line(name: str, data: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UserError, match=message) as refused:
        build_offline(tmp_path / name, tmp_path / "work", ALL)
    assert "\n" not in str(refused.value)


def test_a_filter_that_takes_all_rows_is_named(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_bytes(LINES)
    with pytest.raises(UserError, match=r"the filter takes them: leave short out of data\.filters"):
        build_offline(tmp_path / "rows.jsonl", tmp_path / "work", Data(filters=["short"]))
