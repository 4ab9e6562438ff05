"""Parses one line of JSON into a row, strictly: UTF-8, one JSON object (RFC 8259), text where text belongs."""

import json
import re
from collections import Counter
from contextlib import suppress
from typing import Any

import orjson

from dataset_builder.source.columns import ABSENT, Columns, lookup
from dataset_builder.source.files.text import BYTE_ORDER_MARK
from dataset_builder.source.parse import READABLE, Drop, Quarantine, Row
from titlecraft.settings import Data


class Parser:
    """Decodes lines.

    `absent` counts the objects that lack a configured column, by its name.
    """

    def __init__(self, settings: Data) -> None:
        self.title, self.content, self.uid = settings.title_column, settings.content_column, settings.uid_column
        self.columns_of = Columns(settings)
        self.absent: Counter[str] = self.columns_of.absent
        self._three_columns = not settings.content_columns and not settings.keep_columns
        names = dict.fromkeys(key for name in self.columns_of.names for key in (name, name.partition(".")[0]))
        self._keys = list(names)
        self._quoted = re.compile(b"|".join(re.escape(orjson.dumps(name)) for name in names)).findall

    def parse(self, line: bytes) -> Row | Drop | Quarantine:
        """Return the row of a line (without its newline), or the reason why it has none."""
        try:
            value = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            if line.startswith(BYTE_ORDER_MARK):  # where files were joined
                return self.parse(line.removeprefix(BYTE_ORDER_MARK))
            return Drop.BLANK_LINE if not line.strip() else why_not_json(line, error)
        if type(value) is not dict:
            return Quarantine.NOT_AN_OBJECT
        # inside a string the quotes are escaped, so a second match is a key or the whole value "title"
        keys = self._quoted(line)
        if len(keys) > len(set(keys)) and self.has_key_twice(line):
            return Quarantine.DUPLICATE_KEY
        if self._three_columns:
            title, content, uid = value.get(self.title), value.get(self.content), value.get(self.uid)
            if type(title) is str and type(content) is str and type(uid) is str:
                return Row(uid, title, content)
        exact = exact_number(line, self.uid) if type(lookup(value, self.uid)) is float else ABSENT
        return self.columns_of.row(value, exact)

    def published_part(self, line: bytes, reason: Quarantine) -> dict[str, Any]:
        """Return the configured columns of a quarantined line, each cut to LONGEST_VALUE characters.

        Returns an empty dictionary if the line cannot be parsed, because its columns are unknown.
        """
        line = line.removeprefix(BYTE_ORDER_MARK)
        return self.columns_of.published_part(orjson.loads(line)) if reason in READABLE else {}

    def source_text(self, line: bytes) -> str:
        """Return a line as text; bytes that are not UTF-8 as `\\xff`."""
        return line.decode("utf-8", "backslashreplace")

    def columns(self, lines: list[bytes]) -> Counter[str]:
        """Count how many of these lines are objects with each key."""
        keys: Counter[str] = Counter()
        for line in lines:
            with suppress(orjson.JSONDecodeError):
                value = orjson.loads(line)
                keys.update(names_in(value) if isinstance(value, dict) else [])
        return keys

    def has_key_twice(self, line: bytes) -> bool:
        """Return whether the outermost object has a configured key more than once."""
        outermost: list[tuple[str, Any]] = []

        def remember(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            outermost[:] = pairs  # inner objects are closed first: the last call is the outermost object
            return {}

        json.loads(line, object_pairs_hook=remember)
        keys = [key for key, _ in outermost]
        return any(keys.count(name) > 1 for name in self._keys)


def names_in(value: dict[str, Any]) -> list[str]:
    """Return the keys of an object, and below an object in it the dotted paths."""
    names = []
    for key, inside in value.items():
        names += [f"{key}.{name}" for name in inside] if isinstance(inside, dict) and inside else [key]
    return names


def exact_number(line: bytes, name: str) -> int | float:
    """Return the number with this key or path exactly; orjson parses integers beyond 64 bits as floats."""
    try:
        return lookup(json.loads(line), name)
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
