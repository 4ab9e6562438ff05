"""Parses one line into a row, or returns the reason why it has none. Every line is kept, dropped or quarantined.

*Dropped* rows are well formed and unwanted; *quarantined* lines are malformed. Their line number, byte offset, length and
reason are published, and the configured columns if the line can be parsed. Other columns, which may contain prices, addresses
or other private data, are published only with data.quarantine "raw". The treatment of malformed lines:

| the line                                                  | its outcome                                     |
|-----------------------------------------------------------|-------------------------------------------------|
| empty, or white space only                                | dropped: blank_line                             |
| ends in CRLF; byte-order mark before the first line       | both are ignored                                |
| other keys, with any value                                | ignored, but the whole line must be JSON        |
| bytes that are not UTF-8, in any key                      | quarantined: not_utf8                           |
| NaN, Infinity, 1e999 in any key                           | quarantined: not_json (RFC 8259 has none)       |
| NUL bytes, raw control characters, single quotes, `,}`    | quarantined: not_json                           |
| cut anywhere, nested deeper than 1,024                    | quarantined: not_json                           |
| one half of a surrogate pair (`\\ud83d`), in any key       | quarantined: lone_surrogate                     |
| content after the first object or value                   | quarantined: two_objects                        |
| `[1]`, `42`, `"text"`, `null`                             | quarantined: not_an_object                      |
| title, content or uid twice                               | quarantined: duplicate_key (ambiguous)          |
| title or content null, or absent                          | dropped: empty_title, empty_content             |
| title or content absent in every line of the catalogue    | refused: a wrong setting (see guards.py)        |
| title or content a list of texts                          | kept, joined by line breaks                     |
| title or content a number, another list, an object, true  | quarantined: title_not_text, content_not_text   |
| uid a whole number                                        | kept, uid is its decimal text                   |
| uid a fraction, a list, an object, true                   | quarantined: uid_not_text                       |
| uid absent or null                                        | kept with an empty uid                          |
| control characters, NUL, anything else as `\\u0000`        | kept; cleaning replaces them                    |
| Python dictionaries: no dictionary of plain values        | quarantined: not_python                         |
| tables: a quote that opens or closes in the wrong place   | quarantined: not_quoted, every line of the row  |
| tables: another number of cells than the header           | quarantined: cell_count                         |

The other formats of `formats/` are treated alike: an element of a JSON array, a row of a table or of a Parquet file is a line.
"""

from enum import StrEnum
from typing import NamedTuple

from titlecraft.search.scripts import width
from titlecraft.settings import Data


class Drop(StrEnum):
    """Why a well-formed row is not published."""

    BLANK_LINE = "blank_line"
    EMPTY_TITLE = "empty_title"
    EMPTY_CONTENT = "empty_content"
    BOILERPLATE_ONLY = "boilerplate_only"
    TOO_SHORT = "too_short"
    CONTENT_IS_TITLE = "content_is_title"
    SHORT = "short"
    PRAISE = "praise"
    BIOGRAPHY = "biography"
    REVIEW = "review"
    DUPLICATE = "duplicate"
    REPEATED_CONTENT = "repeated_content"
    NEAR_DUPLICATE = "near_duplicate"
    NOT_SAMPLED = "not_sampled"


class Quarantine(StrEnum):
    """Why a line is not a row."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    NOT_PYTHON = "not_python"
    NOT_QUOTED = "not_quoted"
    CELL_COUNT = "cell_count"
    LONE_SURROGATE = "lone_surrogate"
    TWO_OBJECTS = "two_objects"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_KEY = "duplicate_key"
    TITLE_NOT_TEXT = "title_not_text"
    CONTENT_NOT_TEXT = "content_not_text"
    UID_NOT_TEXT = "uid_not_text"


READABLE = (Quarantine.DUPLICATE_KEY, Quarantine.TITLE_NOT_TEXT, Quarantine.CONTENT_NOT_TEXT, Quarantine.UID_NOT_TEXT)


class Row(NamedTuple):
    """A row of the source before cleaning; `uid` is empty if the source has none, `kept` are the texts of data.keep_columns."""

    uid: str
    title: str
    content: str
    kept: tuple[str, ...] = ()


def drop_reason(title: str, content: str, settings: Data) -> Drop | None:
    """Return why a cleaned row is dropped, or None if it is kept."""
    if not title:
        return Drop.EMPTY_TITLE
    if not content:
        return Drop.EMPTY_CONTENT
    if len(content) <= 3 * len(title) and content.casefold() == title.casefold():  # folding lengthens at most threefold
        return Drop.CONTENT_IS_TITLE
    if len(content) < settings.minimum_characters and width(content) < settings.minimum_characters:
        return Drop.TOO_SHORT
    return None
