"""What a library writes is read back: any JSON values in any layout, any cells in any dialect, whatever the sizes of the pieces."""

import csv
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataset_builder.source.formats.dialect import find_dialect
from dataset_builder.source.formats.json_elements import Elements
from dataset_builder.source.formats.tables import Tables
from dataset_builder.source.reader import Head
from titlecraft.settings import Data

TEXT = st.text(st.sampled_from('ab"\\{}[],:\n\r é\t\u2028')).filter(lambda text: "\udc80" not in text)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXT,
    lambda inside: st.lists(inside, max_size=3) | st.dictionaries(TEXT, inside, max_size=3),
    max_leaves=12,
)


def elements(text: bytes, size: int, records: str | None = None) -> list[Any]:
    """The values of the elements, whose texts stand at their offsets."""
    finder = Elements(records)
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    found = [element for piece in pieces for element in finder.feed(piece)] + list(finder.feed(b"", final=True))
    assert all(text[offset : offset + len(raw)] == raw for offset, raw in found) and not finder.is_cut
    return [orjson.loads(raw.replace(b"\n", b"\r")) for _, raw in found]


@settings(deadline=None, max_examples=60)
@given(st.lists(VALUES, max_size=6), st.integers(1, 40), st.sampled_from([None, 1, 3]), st.booleans())
def test_elements_of_an_array(values: list[Any], size: int, indent: int | None, escaped: bool) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=escaped).encode()
    assert elements(text, size) == values
    inside = json.dumps({"a": values, "b": [{"rows": values}], "c": "d"}, indent=indent, ensure_ascii=escaped).encode()
    assert elements(inside, size, "b.rows") == elements(inside, size, "a") == values


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.dictionaries(TEXT, VALUES, max_size=3), min_size=1, max_size=5),
    st.integers(1, 40),
    st.sampled_from(["", "\n", ",\n", " , ", "\r"]),
)
def test_objects_in_a_row(values: list[Any], size: int, between: str) -> None:
    assert elements(between.join(json.dumps(value, indent=1) for value in values).encode(), size) == values


def test_deep_nesting_is_counted_in_linear_time() -> None:
    deep = "[" * 900 + "]" * 900
    assert elements(f"[{deep}, {deep}]".encode(), 100) == [json.loads(deep)] * 2
    open_brackets = b"[" + b'{"a": ' * 200_000
    finder = Elements(None)
    assert not list(finder.feed(open_brackets)) and len(list(finder.feed(b"", final=True))) == 1


CELLS = st.text(st.sampled_from("ab,;|\t\"'\n é"), max_size=8)
DIALECTS: dict[str, dict[str, Any]] = {
    "rfc": {}, "all quoted": {"quoting": csv.QUOTE_ALL}, "tabs": {"delimiter": "\t"}, "semicolons": {"delimiter": ";", "lineterminator": "\n"},
    "bars": {"delimiter": "|"}, "backslashes": {"quoting": csv.QUOTE_ALL, "doublequote": False, "escapechar": "\\"},
}  # fmt: skip


@pytest.mark.parametrize("name", DIALECTS)
@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=0, max_size=8))
def test_rows_of_a_table(name: str, rows: list[tuple[str, str, str]]) -> None:
    usual = [
        ("x1", 'Lamp "red", small', "It is lit.\nIt is red."),
        ("x2", "Tent", "dry"),
        ("x3", "Drill; | loud", "cuts"),
    ] * 3
    text = io.StringIO()
    csv.writer(text, **DIALECTS[name]).writerows([("uid", "title", "content"), *usual, *rows])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        path.write_bytes(text.getvalue().encode())
        blocks = list(Tables().blocks(str(path), Data(), 0, None))
    assert not any(block.cut for block in blocks)
    read = [tuple(orjson.loads(line)) for block in blocks for line in block.data.splitlines()]
    assert read == usual + [tuple(row) for row in rows]


def test_a_table_without_quotes_is_read_as_it_is() -> None:
    """PostgreSQL's and many others' TSV: quotes are letters."""
    text = "id\ttitle\ttext\n" + '1\t"Best" pan 12"\tIt is 12" wide\n2\t"Lid\tIt fits\n3\tPot\tIt boils\n'
    dialect = find_dialect(Head(text.encode(), True, "rows.tsv"))
    assert dialect is not None and [row[1] for row in csv.reader(io.StringIO(text), dialect)] == [
        "title",
        '"Best" pan 12"',
        '"Lid',
        "Pot",
    ]


def test_one_misplaced_quote_does_not_make_quotes_letters() -> None:
    text = (
        "id,title,text\n" + "".join(f'"{n}","Pot {n}","It boils"\n' for n in range(30)) + '"31","Pot" red,"It boils"\n'
    )
    dialect = find_dialect(Head(text.encode(), True, "rows.csv"))
    assert dialect is not None and dialect.quoting == csv.QUOTE_MINIMAL
