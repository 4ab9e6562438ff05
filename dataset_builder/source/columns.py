"""Finds title, description, identifier and further columns in one object: by key, or by a dotted path such as `product.title`.

A key that holds a dot wins over a path. A list of texts is joined by line breaks. A description may consist of several columns.
"""

import json
from collections import Counter
from typing import Any

import orjson

from dataset_builder.source.parse import Drop, Quarantine, Row
from titlecraft.settings import Data

ABSENT: Any = object()
NOT_TEXT: Any = object()
LONGEST_VALUE = 1_000  # characters of a value in the quarantine


def content_names(settings: Data) -> list[str]:
    """Return the columns that make the description, in order."""
    return settings.content_columns or [settings.content_column]


def configured_names(settings: Data) -> list[str]:
    """Return all columns that the settings name, each once."""
    names = [settings.uid_column, settings.title_column, *content_names(settings), *settings.keep_columns]
    return list(dict.fromkeys(names))


def lookup(value: dict[str, Any], name: str) -> Any:
    """Return the value with this key, or at this dotted path; ABSENT if there is none."""
    if name in value or "." not in name:
        return value.get(name, ABSENT)
    inside: Any = value
    for key in name.split("."):
        if not isinstance(inside, dict) or key not in inside:
            return ABSENT
        inside = inside[key]
    return inside


def as_text(value: Any) -> Any:
    """Return a text, or a list of texts joined by line breaks; None if there is none, NOT_TEXT for any other value."""
    if type(value) is str:
        return value
    if value is None or value is ABSENT:
        return None
    if type(value) is list and all(type(item) is str for item in value):
        return "\n".join(item for item in value if item) or None
    return NOT_TEXT


def kept_text(value: Any) -> str:
    """Return the text of a further column: a text or list of texts as it is, nothing as "", any other value as JSON."""
    text = as_text(value)
    if text is NOT_TEXT:
        return as_json(value)
    return text or ""


def as_json(value: Any) -> str:
    """Return a value as JSON text; what JSON does not have is written as text."""
    try:
        return orjson.dumps(value, default=str).decode()
    except TypeError:  # integers beyond 64 bits, half of a surrogate pair
        return json.dumps(value, default=str)


def shortened(value: Any) -> Any:
    """Return a JSON value, or the first LONGEST_VALUE characters of its text."""
    text = value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else as_json(value)
    if len(text) > LONGEST_VALUE:
        return f"{text[:LONGEST_VALUE]} […]"
    return text if isinstance(value, str) else json.loads(text)


class Columns:
    """Finds the configured columns in objects.

    `absent` counts the objects that lack a column, by its name.
    """

    def __init__(self, settings: Data) -> None:
        self.title, self.uid = settings.title_column, settings.uid_column
        self.contents, self.kept = content_names(settings), settings.keep_columns
        self.names = configured_names(settings)
        self.absent: Counter[str] = Counter()

    def row(self, value: dict[str, Any], uid: Any = ABSENT) -> Row | Drop | Quarantine:
        """Return the row of an object, or the reason why it has none; `uid` replaces the object's own."""
        values = {name: lookup(value, name) for name in self.names}
        self.absent.update(name for name, found in values.items() if found is ABSENT)
        title = as_text(values[self.title])
        contents = [as_text(values[name]) for name in self.contents]
        uid = values[self.uid] if uid is ABSENT else uid
        if title is NOT_TEXT:
            return Quarantine.TITLE_NOT_TEXT
        if any(content is NOT_TEXT for content in contents):
            return Quarantine.CONTENT_NOT_TEXT
        if type(uid) is int:
            uid = str(uid)
        if uid is not None and uid is not ABSENT and type(uid) is not str:
            return Quarantine.UID_NOT_TEXT
        if title is None:
            return Drop.EMPTY_TITLE
        if all(content is None for content in contents):
            return Drop.EMPTY_CONTENT
        content = "\n".join(content for content in contents if content)
        kept = tuple(kept_text(values[name]) for name in self.kept)
        return Row(uid if type(uid) is str else "", title, content, kept)

    def published_part(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the configured columns of an object, each cut to LONGEST_VALUE characters."""
        found = {name: lookup(value, name) for name in self.names}
        return {name: shortened(each) for name, each in found.items() if each is not ABSENT}
