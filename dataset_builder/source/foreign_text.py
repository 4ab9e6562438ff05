"""Recognises text formats other than JSON lines, and suggests the command that converts them."""

import ast
import csv
import io
import json
import re
import shlex
from collections.abc import Callable
from typing import Any

import orjson

LINES = 200  # at the beginning of a file that decide about its format
# shell commands; {0} is the quoted name of the file, and the Python programs contain no single quote
FROM_TABLE = """python3 -c 'import csv, json, sys; csv.field_size_limit(2**31 - 1); [print(json.dumps(row)) for row in csv.DictReader(open(sys.argv[1], newline="", encoding="utf-8-sig"), delimiter={1})]' {0} > rows.jsonl"""
FROM_ARRAY = """python3 -c 'import json, sys; [print(json.dumps(row)) for row in json.load(open(sys.argv[1], encoding="utf-8-sig"))]' {0} > rows.jsonl"""
FROM_WRAPPED = """python3 -c 'import json, sys; [print(json.dumps(row)) for row in json.load(open(sys.argv[1], encoding="utf-8-sig"))[sys.argv[2]]]' {0} {1} > rows.jsonl"""
FROM_NAN = """python3 -c 'import json, sys; [print(json.dumps(json.loads(line, parse_constant=lambda name: None))) for line in open(sys.argv[1], encoding="utf-8-sig") if line.strip()]' {0} > rows.jsonl"""
FROM_PYTHON = """python3 -c 'import ast, json, sys; [print(json.dumps(ast.literal_eval(line))) for line in open(sys.argv[1], encoding="utf-8-sig") if line.strip()]' {0} > rows.jsonl"""
NOT_A_NUMBER = re.compile(r"\b(?:NaN|Infinity)\b")
DELIMITERS = {",": "CSV", "\t": "TSV", ";": "CSV (with semicolons)", "|": "CSV (with bars)"}


def format_of_text(head: bytes, name: str, whole: bool) -> tuple[str, str] | None:
    """Return format and conversion command of a text that is not JSON lines; None if it may be JSON lines."""
    text = head.decode("utf-8-sig", "replace")
    if whole and not text.strip():
        return "a file without any text", "export or fetch it again"
    ended = text if whole else text[: text.rfind("\n") + 1]  # without an incomplete last line
    lines = [line for line in ended.split("\n") if line.strip()][:LINES]
    start = text.lstrip()
    if "\r" in start and "\n" not in text and not start.startswith(("{", "[")):
        lines = [line for line in text.split("\r") if line.strip()][:LINES]  # a table with line ends of CR alone
    if recognised := of_wrapped_rows(lines, start, name):
        return recognised
    if lines and 2 * sum(is_object(line) for line in lines) >= len(lines):
        return None
    recognisers: list[Callable[[list[str], str, str], tuple[str, str] | None]] = [
        of_markup,
        of_json,
        of_python,
        of_others,
        of_table,
    ]
    return next((result for recognise in recognisers if (result := recognise(lines, start, name))), None)


def is_object(line: str) -> bool:
    """Return whether the line is one JSON object."""
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def of_wrapped_rows(lines: list[str], start: str, name: str) -> tuple[str, str] | None:
    """Recognise one object with all rows in a list: `{"products": [{…}, …]}`."""
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
        return f"one JSON object with the rows in a list under {rows!r}", FROM_WRAPPED.format(
            shlex.quote(name), shlex.quote(rows)
        )
    inside = re.match(
        r'\{\s*(?:"(?:[^"\\]|\\.)*"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)\s*,\s*){0,5}"((?:[^"\\]|\\.)*)"\s*:\s*\[\s*\{',
        start,
    )
    if value is None and inside and unfinished_list(start, inside.end()):
        return f"one JSON object with the rows in a list under {inside[1]!r}", FROM_WRAPPED.format(
            shlex.quote(name), shlex.quote(inside[1])
        )
    return None


def unfinished_list(text: str, start: int) -> bool:
    """Return whether a list of more than ten objects, the first of which opens before `start`, has no end in the text."""
    return len(re.findall(r"\}\s*,\s*\{", text[start:])) > 10 and not re.search(
        r"\}\s*\]\s*[,}]\s*(?:\"|$)", text[start:]
    )


def first_value(start: str) -> Any:
    """Return the JSON value at the beginning of a text; None if there is none, or if it is not complete."""
    try:
        return json.JSONDecoder().raw_decode(start)[0]
    except (ValueError, RecursionError):
        return None


def of_markup(lines: list[str], start: str, name: str) -> tuple[str, str] | None:
    """Recognise XML, and HTML, which is mostly the error page of a failed download."""
    start = re.sub(r"^(?:<!--.*?-->\s*)+", "", start, flags=re.DOTALL)
    if re.match(r"<!doctype html|<html|<head|<body", start, re.IGNORECASE):
        return (
            "an HTML page, perhaps the answer to a download that failed",
            "look at it in a browser, and fetch the file again",
        )
    if re.match(r"<\?xml|<[A-Za-z][\w:.-]*[\s>/]", start):
        return "XML", "export the catalogue as JSON lines, or write a JSON object a line for each of its products"
    return None


def of_json(lines: list[str], start: str, name: str) -> tuple[str, str] | None:
    """Recognise JSON that is not one object a line: an array, objects over several lines, with commas, or other line ends."""
    quoted = shlex.quote(name)
    if len(lines) > 1 and all(isinstance(first_value(line), list) for line in lines[:2]):
        return "lists, one a line", "write an object a line, with the names of the columns"
    if re.match(r"\[\s*[\[{\"]", start) or re.match(r"\[\s*\]\s*$", start):
        return "a JSON array", FROM_ARRAY.format(quoted)
    if not start.startswith("{"):
        return None
    if "\r" in start and "\n" not in start.rstrip():
        return "JSON with line ends of CR alone", f"tr '\\r' '\\n' < {quoted} > rows.jsonl"
    if lines and lines[0].rstrip().endswith(",") and is_object(lines[0].rstrip().rstrip(",")):
        return "JSON objects with a comma behind each", f"sed 's/,[[:space:]]*$//' {quoted} > rows.jsonl"
    if lines and NOT_A_NUMBER.search(lines[0]) and end_of_value(lines[0]) == len(lines[0].rstrip()):
        return "JSON lines with NaN or Infinity, which JSON does not have (RFC 8259)", FROM_NAN.format(quoted)
    end = end_of_value(start)
    if "\n" in start[:end]:
        return "JSON objects over several lines each", f"jq -c . {quoted} > rows.jsonl"
    if end and start[end:].lstrip(" \t").startswith("{"):
        return "JSON objects without line ends between them", f"jq -c . {quoted} > rows.jsonl"
    return None


def end_of_value(text: str) -> int:
    """Return the index of the end of the JSON value at the beginning of a text; 0 if there is none, or it is not complete."""
    try:
        return json.JSONDecoder().raw_decode(text)[1]
    except (ValueError, RecursionError):
        return 0


def of_python(lines: list[str], start: str, name: str) -> tuple[str, str] | None:
    """Recognise Python dictionaries, one a line, such as the Amazon metadata of 2014."""
    if not re.match(r"\{\s*u?'", start) or not lines:
        return None
    try:
        value = ast.literal_eval(lines[0].strip())
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return None
    return (
        ("Python dictionaries, one a line", FROM_PYTHON.format(shlex.quote(name))) if isinstance(value, dict) else None
    )


def of_table(lines: list[str], start: str, name: str) -> tuple[str, str] | None:
    """Recognise CSV, TSV and similar: a header line with column names, and as many cells in most lines below."""
    if start.startswith(("{", "[")):
        return None
    delimiters = sorted(DELIMITERS.items(), key=lambda item: -lines[0].count(item[0]) if lines else 0)
    for delimiter, format_name in delimiters:
        try:
            rows = list(csv.reader(io.StringIO("\n".join(lines)), delimiter=delimiter))
        except csv.Error:
            continue
        rows = [row for row in rows if row]
        if not rows or len(rows[0]) < 2 or any(len(cell) > 60 or "{" in cell for cell in rows[0]):
            continue
        if sum(len(row) == len(rows[0]) for row in rows) * 2 > len(rows):
            columns = ", ".join(repr(cell.strip()) for cell in rows[0][:20])
            return f"{format_name} with the columns {columns}", FROM_TABLE.format(
                shlex.quote(name), json.dumps(delimiter)
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
