"""Parses one line into a row, or returns the reason why it has none. Every line is kept, dropped or quarantined.

*Dropped* rows are well formed and unwanted; *quarantined* lines are malformed. Their line number, byte offset, length and
reason are published, and title, content and uid if the line can be parsed. No other column is published: it may contain
prices, addresses or other private data. The treatment of malformed lines:

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
| title or content a number, a list, an object, true        | quarantined: title_not_text, content_not_text   |
| uid a whole number                                        | kept, uid is its decimal text                   |
| uid a fraction, a list, an object, true                   | quarantined: uid_not_text                       |
| uid absent or null                                        | kept with an empty uid                          |
| control characters, NUL, anything else as `\\u0000`        | kept; cleaning replaces them                    |
"""

import re
from collections import Counter
from enum import StrEnum
from itertools import cycle
from operator import mul
from typing import Any, NamedTuple

import orjson

from titlecraft.settings import Data


class Drop(StrEnum):
    """Why a well-formed row is not published."""

    BLANK_LINE = "blank_line"
    EMPTY_TITLE = "empty_title"
    EMPTY_CONTENT = "empty_content"
    BOILERPLATE_ONLY = "boilerplate_only"
    TOO_SHORT = "too_short"
    CONTENT_IS_TITLE = "content_is_title"
    DUPLICATE = "duplicate"
    REPEATED_CONTENT = "repeated_content"
    NOT_SAMPLED = "not_sampled"


class Quarantine(StrEnum):
    """Why a line is not a row."""

    NOT_UTF8 = "not_utf8"
    NOT_JSON = "not_json"
    LONE_SURROGATE = "lone_surrogate"
    TWO_OBJECTS = "two_objects"
    NOT_AN_OBJECT = "not_an_object"
    DUPLICATE_KEY = "duplicate_key"
    TITLE_NOT_TEXT = "title_not_text"
    CONTENT_NOT_TEXT = "content_not_text"
    UID_NOT_TEXT = "uid_not_text"


ISBN_10, ISBN_13 = re.compile(r"[0-9]{9}[0-9X]").fullmatch, re.compile(r"97[89][0-9]{10}").fullmatch
ASIN = re.compile(r"B0[0-9A-Z]{8}").fullmatch
READABLE = (Quarantine.DUPLICATE_KEY, Quarantine.TITLE_NOT_TEXT, Quarantine.CONTENT_NOT_TEXT, Quarantine.UID_NOT_TEXT)
LONGEST_VALUE = 1_000  # characters of a value in the quarantine


class Row(NamedTuple):
    """A row of the source before cleaning; `uid` is empty if the source has none."""

    uid: str
    title: str
    content: str


class Parser:
    """Decodes lines strictly: UTF-8, one JSON object (RFC 8259), text where text belongs.

    `absent` counts the objects that lack the title, the content or the uid, by the name of the column.
    """

    def __init__(self, columns: Data) -> None:
        self.title, self.content, self.uid = columns.title_column, columns.content_column, columns.uid_column
        self.absent: Counter[str] = Counter()
        quoted = (re.escape(orjson.dumps(name)) for name in (self.title, self.content, self.uid))
        self._quoted = re.compile(b"|".join(quoted)).findall

    def parse(self, line: bytes) -> Row | Drop | Quarantine:
        """Return the row of a line (without its newline), or the reason why it has none."""
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            return Drop.BLANK_LINE if not line.strip() else why_not_json(line, error)
        if type(value) is not dict:
            return Quarantine.NOT_AN_OBJECT
        # inside a string the quotes are escaped, so a second match is a key or the whole value "title"
        keys = self._quoted(line)
        if len(keys) > len(set(keys)) and self.has_key_twice(line):
            return Quarantine.DUPLICATE_KEY
        title, content, uid = value.get(self.title), value.get(self.content), value.get(self.uid)
        if type(title) is str and type(content) is str and type(uid) is str:
            return Row(uid, title, content)
        if type(uid) is float:
            uid = exact_number(line, self.uid)
        return self.non_text_row(value, title, content, uid)

    def non_text_row(self, value: dict[str, Any], title: Any, content: Any, uid: Any) -> Row | Drop | Quarantine:
        """Return the row of an object whose title, content or uid is absent or no text, or the reason why it has none."""
        for name in (self.title, self.content, self.uid):
            self.absent[name] += name not in value
        if title is not None and type(title) is not str:
            return Quarantine.TITLE_NOT_TEXT
        if content is not None and type(content) is not str:
            return Quarantine.CONTENT_NOT_TEXT
        if type(uid) is int:
            uid = str(uid)
        if uid is not None and type(uid) is not str:
            return Quarantine.UID_NOT_TEXT
        if title is None:
            return Drop.EMPTY_TITLE
        return Drop.EMPTY_CONTENT if content is None else Row(uid or "", title, content)

    def published_part(self, line: bytes, reason: Quarantine) -> dict[str, Any]:
        """Return title, content and uid of a quarantined line, each cut to LONGEST_VALUE characters.

        Returns an empty dictionary if the line cannot be parsed, because its columns are unknown.
        """
        if reason not in READABLE:
            return {}
        value = orjson.loads(line)
        names = dict.fromkeys(name for name in (self.uid, self.title, self.content) if name in value)
        return {name: shortened(value[name]) for name in names}

    def has_key_twice(self, line: bytes) -> bool:
        """Return whether the outermost object has the key of title, content or uid more than once."""
        import json

        outermost: list[tuple[str, Any]] = []

        def remember(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            outermost[:] = pairs  # inner objects are closed first: the last call is the outermost object
            return {}

        json.loads(line, object_pairs_hook=remember)
        keys = [key for key, _ in outermost]
        return any(keys.count(name) > 1 for name in (self.title, self.content, self.uid))


def shortened(value: Any) -> Any:
    """Return a JSON value, or the first LONGEST_VALUE characters of its text."""
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return value if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} […]"


def exact_number(line: bytes, name: str) -> int | float:
    """Return the number with this key exactly; orjson parses integers beyond 64 bits as floats."""
    import json

    try:
        return json.loads(line)[name]
    except ValueError:  # more digits than Python reads
        return float("nan")


def why_not_json(line: bytes, error: orjson.JSONDecodeError) -> Quarantine:
    """Return why orjson cannot parse a line that is not blank."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return Quarantine.NOT_UTF8
    if "surrogate in string" in error.msg:
        return Quarantine.LONE_SURROGATE
    if "content after document" in error.msg:
        return Quarantine.TWO_OBJECTS
    return Quarantine.NOT_JSON


def drop_reason(title: str, content: str, settings: Data) -> Drop | None:
    """Return why a cleaned row is dropped, or None if it is kept."""
    if not title:
        return Drop.EMPTY_TITLE
    if not content:
        return Drop.EMPTY_CONTENT
    if len(content) <= 3 * len(title) and content.casefold() == title.casefold():  # folding lengthens at most threefold
        return Drop.CONTENT_IS_TITLE
    if len(content) < settings.minimum_characters:
        return Drop.TOO_SHORT
    return None


def product_kind(uid: str) -> str:
    """Return the kind of identifier: "isbn" for an ISBN-10 or ISBN-13 with a valid check digit, which is a book; "asin" for
    Amazon's format of all other products, B0 and eight letters or digits; else "unknown".
    """
    if ASIN(uid):
        return "asin"
    if ISBN_10(uid):
        total = sum(map(mul, uid.encode(), range(10, 0, -1))) - 55 * ord("0")
        return "isbn" if (total if uid[9] != "X" else total - ord("X") + ord("0") + 10) % 11 == 0 else "unknown"
    if ISBN_13(uid):
        return "isbn" if (sum(map(mul, uid.encode(), cycle((1, 3)))) - 25 * ord("0")) % 10 == 0 else "unknown"
    return "unknown"
