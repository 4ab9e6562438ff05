"""Recognises text that no reader reads, and suggests the command that converts it."""

import re
import shlex
from collections.abc import Callable

from dataset_builder.source.formats.json_beginning import end_of_value, first_value
from dataset_builder.source.reader import Head

# a shell command; {0} is the quoted name of the file, and the Python program contains no single quote
FROM_NAN = """python3 -c 'import json, sys; [print(json.dumps(json.loads(line, parse_constant=lambda name: None))) for line in open(sys.argv[1], encoding="utf-8-sig") if line.strip()]' {0} > rows.jsonl"""
NOT_A_NUMBER = re.compile(r"\b(?:NaN|Infinity)\b")


def format_of_text(head: Head, name: str) -> tuple[str, str] | None:
    """Return format and conversion command of a text that is not JSON lines; None if it may be JSON lines."""
    if head.whole and not head.start:
        return "a file without any text", "export or fetch it again"
    if head.is_json_lines:
        return None
    recognisers: list[Callable[[list[str], str, str], tuple[str, str] | None]] = [of_markup, of_json, of_others]
    return next((result for recognise in recognisers if (result := recognise(head.lines, head.start, name))), None)


def of_markup(lines: list[str], start: str, name: str) -> tuple[str, str] | None:
    """Recognise HTML, which is mostly the error page of a failed download."""
    start = re.sub(r"^(?:<!--.*?-->\s*)+", "", start, flags=re.DOTALL)
    if re.match(r"<!doctype html|<html|<head|<body", start, re.IGNORECASE):
        return (
            "an HTML page, perhaps the answer to a download that failed",
            "look at it in a browser, and fetch the file again",
        )
    return None


def of_json(lines: list[str], start: str, name: str) -> tuple[str, str] | None:
    """Recognise lists, one a line, and JSON lines with numbers that JSON does not have."""
    if len(lines) > 1 and all(isinstance(first_value(line), list) for line in lines[:2]):
        return "lists, one a line", "write an object a line, with the names of the columns"
    if (
        start.startswith("{")
        and lines
        and NOT_A_NUMBER.search(lines[0])
        and end_of_value(lines[0]) == len(lines[0].rstrip())
    ):
        return "JSON lines with NaN or Infinity, which JSON does not have (RFC 8259)", FROM_NAN.format(
            shlex.quote(name)
        )
    return None


def of_others(lines: list[str], start: str, name: str) -> tuple[str, str] | None:
    """Recognise YAML, SQL, and binary data."""
    if re.match(r"---\s*\n|-\s+\w+:\s", start):
        return "YAML", "write a JSON object a line for each of its products"
    if re.search(r"^\s*(?:INSERT INTO|CREATE TABLE)\b", start[:4000], re.IGNORECASE | re.MULTILINE):
        return "SQL", "export the table as JSON lines, or as CSV and convert that"
    if 10 * sum(letter in "\0\ufffd" for letter in start[:4000]) > len(start[:4000]):
        return "bytes that are no text in UTF-8", "export the catalogue as JSON lines in UTF-8"
    return None
