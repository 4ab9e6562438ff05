"""Decodes the JSON value at the beginning of a text, and recognises an object that holds all rows in a list."""

import json
import re
from typing import Any

from dataset_builder.source.reader import Head, is_object


def first_value(start: str) -> Any:
    """Return the JSON value at the beginning of a text; None if there is none, or if it is not complete."""
    try:
        return json.JSONDecoder().raw_decode(start)[0]
    except (ValueError, RecursionError):
        return None


def end_of_value(text: str) -> int:
    """Return the index of the end of the JSON value at the beginning of a text; 0 if there is none, or it is not complete."""
    try:
        return json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return 0


def wrapped_rows(head: Head) -> str | None:
    """Return the name of the list that holds all rows of one object, `{"products": [{…}, …]}`; None if the text is none."""
    lines, start = head.lines, head.start
    if len(lines) > 1 and is_object(lines[0]):
        return None
    opening = re.match(r'\{\s*"((?:[^"\\]|\\.)*)"\s*:', start)
    if not opening:
        return None
    value = first_value(start)
    if isinstance(value, dict):
        lists = [key for key, rows in value.items() if isinstance(rows, list) and rows and isinstance(rows[0], dict)]
        texts = [key for key, member in value.items() if isinstance(member, str)]
        rows = max(lists, key=lambda key: len(value[key]), default=None)
        if rows is None or (texts and len(value[rows]) < 2) or len(texts) > 1:
            return None
        return rows
    inside = re.match(
        r'\{\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)\s*,\s*){0,5}"((?:[^"\\]|\\.)*)"\s*:\s*\[\s*\{',
        start,
    )
    if value is None and inside and unfinished_list(start, inside.end()):
        return inside[1]
    return None


def unfinished_list(text: str, start: int) -> bool:
    """Return whether a list of more than ten objects, the first of which opens before `start`, has no end in the text."""
    return len(re.findall(r"\}\s*,\s*\{", text[start:])) > 10 and not re.search(
        r"\}\s*\]\s*[,}]\s*(?:\"|$)", text[start:]
    )
