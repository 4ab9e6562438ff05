"""Every line is kept, dropped or quarantined, for a named reason."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_builder.shards.product_kind import product_kind
from dataset_builder.source.json_parser import Parser
from dataset_builder.source.parse import Drop, Quarantine, Row, drop_reason
from titlecraft.settings import Data


@pytest.mark.parametrize(("raw", "expected"), [
    (b'{"uid": "0001", "title": "A", "content": "B", "target_ind": [1]}', Row("0001", "A", "B")),
    (b'{"title": "A", "content": ""}', Row("", "A", "")),
    (b"", Drop.BLANK_LINE),
    (b"  \t ", Drop.BLANK_LINE),
    (b'{"title": "caf\xe9", "content": "B"}', Quarantine.NOT_UTF8),
    (b'{"title": "A", "content": "B', Quarantine.NOT_JSON),
    (b'{"title": "A", "content": "B"}{"title": "A"}', Quarantine.TWO_OBJECTS),
    (b'{"title": "A", "content": "B", "note": "\xc3("}', Quarantine.NOT_UTF8),
    (b'{"title": "A", "content": "B", "x": 1e999}', Quarantine.NOT_JSON),
    (b'{"title": "A", "content": "a\x01b"}', Quarantine.NOT_JSON),
    (b'{"title": "A", "content": "a\\u0000b"}', Row("", "A", "a\0b")),
    (b'{"title": "A", "content": "B",}', Quarantine.NOT_JSON),
    (b'{"title": "A", "content": "x \\ud83d y"}', Quarantine.LONE_SURROGATE),
    (b'{"title": "A", "content": "B", "note": "\\ud83d"}', Quarantine.LONE_SURROGATE),
    (b'{"title": "A", "content": "B", "title": "C"}', Quarantine.DUPLICATE_KEY),
    (b'{"title": "A", "content": "B", "inner": {"title": "C", "uid": [{"content": "D"}]}}', Row("", "A", "B")),
    (b'{"uid": "title", "title": "title", "content": "content"}', Row("title", "title", "content")),
    (b'{"title": "A", "content": "B", "note": 1, "note": 2}', Row("", "A", "B")),
    (b'{"uid": null, "title": "A", "content": "B"}', Row("", "A", "B")),
    (b'{"title": "A", "content": "B"}\r', Row("", "A", "B")),
    (b'{"title": "A", "content": "B", "target_rel": [NaN]}', Quarantine.NOT_JSON),
    (b"{'title': 'A'}", Quarantine.NOT_JSON),
    (b"\x00\x00\x00", Quarantine.NOT_JSON),
    (b"[1, 2, 3]", Quarantine.NOT_AN_OBJECT),
    (b"null", Quarantine.NOT_AN_OBJECT),
    (b'{"name": "A", "content": "B"}', Drop.EMPTY_TITLE),
    (b'{"title": null, "content": "B"}', Drop.EMPTY_TITLE),
    (b'{"title": "A", "content": null}', Drop.EMPTY_CONTENT),
    (b'{"title": null, "content": ["B"]}', Drop.EMPTY_TITLE),
    (b'{"title": null, "content": ["B", 1]}', Quarantine.CONTENT_NOT_TEXT),
    (b'{"title": false, "content": "B"}', Quarantine.TITLE_NOT_TEXT),
    (b'{"title": 1984, "content": "B"}', Quarantine.TITLE_NOT_TEXT),
    (b'{"title": "A"}', Drop.EMPTY_CONTENT),
    (b'{"title": "A", "content": ["B", "", "C"]}', Row("", "A", "B\nC")),
    (b'{"title": ["A"], "content": "B"}', Row("", "A", "B")),
    (b'{"title": "A", "content": []}', Drop.EMPTY_CONTENT),
    (b'{"title": "A", "content": [""]}', Drop.EMPTY_CONTENT),
    (b'{"title": "A", "content": ["B", 1]}', Quarantine.CONTENT_NOT_TEXT),
    (b'{"title": "A", "content": [["B"]]}', Quarantine.CONTENT_NOT_TEXT),
    (b'{"title": "A", "content": [null]}', Quarantine.CONTENT_NOT_TEXT),
    (b'{"uid": 123, "title": "A", "content": "B"}', Row("123", "A", "B")),
    (b'{"uid": 0, "title": "A", "content": "B"}', Row("0", "A", "B")),
    (b'{"uid": 18446744073709551615, "title": "A", "content": "B"}', Row("18446744073709551615", "A", "B")),
    (b'{"uid": 18446744073709551616, "title": "A", "content": "B"}', Row("18446744073709551616", "A", "B")),
    (b'{"uid": -98765432109876543210, "title": "A", "content": "B"}', Row("-98765432109876543210", "A", "B")),
    (b'{"uid": ' + b"9" * 200 + b', "title": "A", "content": "B"}', Row("9" * 200, "A", "B")),
    (b'{"uid": 1e3, "title": "A", "content": "B"}', Quarantine.UID_NOT_TEXT),
    (b'{"uid": 123.0, "title": "A", "content": "B"}', Quarantine.UID_NOT_TEXT),
    (b'{"uid": true, "title": "A", "content": "B"}', Quarantine.UID_NOT_TEXT),
    (b'{"uid": ["1"], "title": "A", "content": "B"}', Quarantine.UID_NOT_TEXT),
])  # fmt: skip
def test_a_line_is_a_row_or_has_a_reason(raw: bytes, expected: Row | Drop | Quarantine) -> None:
    assert Parser(Data()).parse(raw) == expected


def test_columns_have_the_names_of_the_recipe() -> None:
    columns = Data(title_column="name", content_column="text", uid_column="id")
    assert Parser(columns).parse(b'{"id": "7", "name": "A", "text": "B"}') == Row("7", "A", "B")


def test_quarantine_has_only_the_configured_columns() -> None:
    """Other columns hold prices and addresses; of a line that cannot be read nobody knows where a column ends."""
    parser = Parser(Data())
    line = json.dumps(
        {"uid": "7", "cost": 3.17, "title": ["A"], "content": "B" * 1001, "mail": "p@shop.example"}
    ).encode()
    assert parser.published_part(line, Quarantine.TITLE_NOT_TEXT) == {
        "uid": "7",
        "title": ["A"],
        "content": "B" * 1000 + " […]",
    }
    assert parser.published_part(b'{"title": {"a": 1}}', Quarantine.TITLE_NOT_TEXT) == {"title": {"a": 1}}
    for reason in (
        Quarantine.NOT_JSON,
        Quarantine.NOT_UTF8,
        Quarantine.TWO_OBJECTS,
        Quarantine.NOT_AN_OBJECT,
        Quarantine.LONE_SURROGATE,
    ):
        assert parser.published_part(line, reason) == {}


@given(st.binary(max_size=6), st.integers(0, 60), st.integers(0, 6))
def test_damaged_lines_never_give_other_values(noise: bytes, place: int, length: int) -> None:
    """A line with some bytes replaced ends in one of the three ways, and a row holds what a strict reader finds in it."""
    whole = '{"uid": "1", "title": "Tea \u00e9", "content": "B", "x": [1.5, null]}'.encode()
    line = whole[:place] + noise + whole[place + length :]
    found = Parser(Data()).parse(line)
    assert isinstance(found, Row | Drop | Quarantine)
    if isinstance(found, Row):
        value = json.loads(line.decode("utf-8"))
        uid = value.get("uid")
        assert ("" if uid is None else str(uid), value["title"], value["content"], ()) == found


@pytest.mark.parametrize(("title", "content", "expected"), [
    ("", "A long description of nothing.", Drop.EMPTY_TITLE),
    ("Kettle", "", Drop.EMPTY_CONTENT),
    ("A Kettle That Boils Water", "a kettle that boils water", Drop.CONTENT_IS_TITLE),
    ("Kettle", "Nineteen characters", Drop.TOO_SHORT),
    ("Kettle", "Twenty characters it", None),
])  # fmt: skip
def test_drop_reasons_of_cleaned_rows(title: str, content: str, expected: Drop | None) -> None:
    assert drop_reason(title, content, Data(minimum_characters=20)) == expected


@pytest.mark.parametrize(("uid", "kind"), [
    ("0001360000", "isbn"), ("000100039X", "isbn"), ("B00CHH2SG8", "asin"), ("", "unknown"), ("12345", "unknown"),
    ("0001360001", "unknown"), ("0001000390", "unknown"), ("1234567890", "unknown"), ("123456789X", "isbn"),
    ("9780306406157", "isbn"), ("9780306406158", "unknown"), ("9790306406156", "isbn"), ("5901234123457", "unknown"),
    ("BACKPACK01", "unknown"), ("B00chh2sg8", "unknown"), ("٠٠٠١٣٦٠٠٠٠", "unknown"),
])  # fmt: skip
def test_kind_of_product(uid: str, kind: str) -> None:
    assert product_kind(uid) == kind
