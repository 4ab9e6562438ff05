"""One line -> one row, or the reason why it is none. Every line ends in exactly one of: kept, dropped, quarantined.

*Dropped* rows are well formed and not wanted; *quarantined* lines are not what the file promises, and are published
with their line number, byte offset, reason and raw text, so that a person can look.
"""

from enum import StrEnum
from typing import NamedTuple

import orjson

from dataset_builder.source import Line
from titlecraft.settings import Data


class Drop(StrEnum):
    """Why a well-formed row is not published."""

    BLANK_LINE = "blank_line"
    EMPTY_TITLE = "empty_title"
    EMPTY_CONTENT = "empty_content"
    TOO_SHORT = "too_short"
    CONTENT_IS_TITLE = "content_is_title"
    DUPLICATE = "duplicate"
    NOT_SAMPLED = "not_sampled"


class Quarantine(StrEnum):
    """Why a line is not a row."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_AN_OBJECT = "not_an_object"
    TITLE_MISSING = "title_missing"
    TITLE_NOT_TEXT = "title_not_text"
    CONTENT_MISSING = "content_missing"
    CONTENT_NOT_TEXT = "content_not_text"
    UID_NOT_TEXT = "uid_not_text"


class Row(NamedTuple):
    """A row as the source has it. `uid` is empty where the source has none."""

    uid: str
    title: str
    content: str


def parse(line: Line, columns: Data) -> Row | Drop | Quarantine:
    """Decode one line strictly: UTF-8, one JSON object (RFC 8259: no NaN, no raw control characters), text where text belongs."""
    if not line.raw.strip():
        return Drop.BLANK_LINE
    try:
        line.raw.decode("utf-8")
    except UnicodeDecodeError:
        return Quarantine.NOT_UTF8
    try:
        value = orjson.loads(line.raw)
    except orjson.JSONDecodeError:
        return Quarantine.NOT_JSON
    if not isinstance(value, dict):
        return Quarantine.NOT_AN_OBJECT
    title, content, uid = (
        value.get(name) for name in (columns.title_column, columns.content_column, columns.uid_column)
    )
    if not isinstance(title, str):
        return Quarantine.TITLE_MISSING if columns.title_column not in value else Quarantine.TITLE_NOT_TEXT
    if not isinstance(content, str):
        return Quarantine.CONTENT_MISSING if columns.content_column not in value else Quarantine.CONTENT_NOT_TEXT
    if uid is not None and not isinstance(uid, str):
        return Quarantine.UID_NOT_TEXT
    return Row(uid or "", title, content)


def keep(title: str, content: str, settings: Data) -> Drop | None:
    """Why a cleaned row is not wanted, or None where it is kept."""
    if not title:
        return Drop.EMPTY_TITLE
    if not content:
        return Drop.EMPTY_CONTENT
    if content.casefold() == title.casefold():
        return Drop.CONTENT_IS_TITLE
    if len(content) < settings.minimum_characters:
        return Drop.TOO_SHORT
    return None


def product_kind(uid: str) -> str:
    """What the identifier tells of the product: an ASIN that is an ISBN-10 is a book; B0… is anything; else unknown."""
    if len(uid) == 10 and uid[:9].isdigit() and (uid[9].isdigit() or uid[9] == "X"):
        return "isbn"
    return "asin" if len(uid) == 10 and uid.startswith("B") else "unknown"
