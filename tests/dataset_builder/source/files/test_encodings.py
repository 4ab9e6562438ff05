"""A catalogue in another encoding gives the same rows as in UTF-8, and is named where it is not set."""

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest

from dataset_builder.checks.valid_settings import require_settings
from tests.dataset_builder.build_offline import build_offline
from tests.dataset_builder.source.test_every_format import SETTINGS
from titlecraft.errors import UserError

ROWS = [
    {"uid": f"S{n}", "title": f"Café № {n}".replace("№", "no."), "content": f"“Déjà vu” – {n} cups à l’hôtel, 20 €."}
    for n in range(60)
]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
TABLE = "uid,title,content\n" + "".join(f'{row["uid"]},{row["title"]},"{row["content"]}"\n' for row in ROWS)


def published(folder: Path, name: str, content: bytes, encoding: str = "utf-8") -> list[str]:
    path = folder / name
    path.write_bytes(content)
    record = build_offline(path, folder / f"work-{encoding}", replace(SETTINGS, encoding=encoding))
    return [file.sha256 for split in record.splits.values() for file in split.files]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "cp1252", "utf-32"])
@pytest.mark.parametrize(
    ("name", "text"),
    [("rows.jsonl", LINES), ("rows.json", json.dumps(ROWS, ensure_ascii=False, indent=1)), ("shop.csv", TABLE)],
)
def test_the_rows_are_those_of_utf_8(name: str, text: str, encoding: str, tmp_path: Path) -> None:
    expected = published(tmp_path, name, text.encode())
    assert published(tmp_path, name, text.encode(encoding), encoding) == expected
    packed = tmp_path / "packed"
    packed.mkdir()
    assert published(packed, name + ".gz", gzip.compress(text.encode(encoding)), encoding) == expected


@pytest.mark.parametrize("encoding", ["gb18030", "shift_jis", "euc_kr", "latin-1"])
def test_other_encodings_of_python_are_read(encoding: str, tmp_path: Path) -> None:
    text = LINES.translate(str.maketrans("“”’–€éàô", '""\'-Eeao')).replace('"Deja vu"', "Deja vu")
    assert published(tmp_path, "rows.jsonl", text.encode(encoding), encoding) == published(
        tmp_path, "rows.jsonl", text.encode()
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_a_wide_encoding_is_named_where_it_is_not_set(encoding: str, tmp_path: Path) -> None:
    for name, pack in (("rows.jsonl", bytes), ("rows.jsonl.gz", gzip.compress)):
        with pytest.raises(UserError, match=f"text in {encoding.upper()}: set --data.encoding={encoding}$"):
            published(tmp_path, name, pack(LINES.encode(encoding)))


def test_a_wrong_encoding_is_refused_with_the_place(tmp_path: Path) -> None:
    with pytest.raises(
        UserError,
        match=r"rows\.jsonl: a text of data\.encoding 'shift_jis' has no such bytes as those after byte \d+; set the",
    ):
        published(tmp_path, "rows.jsonl", LINES.encode("cp1252"), "shift_jis")
    for name in ("klingon", "base64", "", "utf-8\0"):
        with pytest.raises(UserError, match=r"^data\.encoding is .*: expected an encoding that Python knows"):
            require_settings(replace(SETTINGS, encoding=name))


def test_parquet_needs_no_encoding(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "rows.parquet")
    content = (tmp_path / "rows.parquet").read_bytes()
    assert published(tmp_path, "rows.parquet", content, "utf-16") == published(tmp_path, "rows.jsonl", LINES.encode())
