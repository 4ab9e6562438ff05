"""Finds the dialect of a table from its first lines: delimiter, quotes, and how a quote inside of quotes is written."""

import csv
import re
from itertools import product
from typing import Any

from dataset_builder.source.reader import LINES, Head

DELIMITERS = ",\t;|^~\x01"
# what a text has to hold, and the options of the dialect
WAYS: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    (' "', {"skipinitialspace": True}),
    ('\\"', {"doublequote": False, "escapechar": "\\"}),
    ('"', {"quoting": csv.QUOTE_NONE}),
]
QUOTED = re.compile(r'"(?:[^"]|"")*"').fullmatch
SINGLE_QUOTED = re.compile(r"'\w[^'\n]*'(?:\W{1,2}'\w[^'\n]*')+").fullmatch  # a header
SEPARATOR = re.compile(r"\"?sep=([,;|\t]|\\t)\"?", re.IGNORECASE).fullmatch
LONGEST_ROW = 50  # lines of a row that may end behind the lines that are looked at
LONGEST_NAME = 60  # characters of a column's name


def dialect(delimiter: str, **options: Any) -> type[csv.Dialect]:
    """Return a dialect with this delimiter and these options beside those of RFC 4180."""
    named = {"delimiter": delimiter, "quotechar": '"', "doublequote": True, "lineterminator": "\n"}
    return type("Found", (csv.Dialect,), named | {"quoting": csv.QUOTE_MINIMAL, "skipinitialspace": False} | options)


def find_dialect(head: Head) -> type[csv.Dialect] | None:
    """Return the dialect in which the most rows have as many cells as the first; None if the text is no table.

    RFC 4180 is preferred, then spaces before quotes, quotes escaped by backslashes (MySQL), text without quotes (PostgreSQL).
    """
    best, best_share = None, 0.5
    if not head.lines:
        return None
    if named := SEPARATOR(head.lines[0].strip("\r\n ")):  # as Excel writes it in front of the header
        return dialect(named[1] if named[1] != "\\t" else "\t")
    delimiters = sorted(DELIMITERS, key=lambda mark: -head.lines[0].count(mark))
    ways = [way for mark, way in WAYS if mark in head.text]
    if SINGLE_QUOTED(head.lines[0].strip()):
        ways = [{"quotechar": "'"}]
    for way, delimiter in product(ways, delimiters):
        candidate = dialect(delimiter, **way)
        if candidate.quoting == csv.QUOTE_NONE and has_quoted_cells(head.lines, delimiter):
            continue
        share = share_of_whole_rows(head.lines, candidate, head.whole and len(head.lines) < LINES)
        if share > best_share:
            best, best_share = candidate, share
    return best


def has_quoted_cells(lines: list[str], delimiter: str) -> bool:
    """Return whether at least half of the cells that begin with a quote are quoted, so that quotes are no letters."""
    begun = [cell for line in lines for cell in line.rstrip("\r").split(delimiter) if cell.startswith('"')]
    return bool(begun) and 2 * sum(bool(QUOTED(cell)) for cell in begun) >= len(begun)


def share_of_whole_rows(lines: list[str], candidate: type[csv.Dialect], whole_text: bool) -> float:
    """Return the share of these lines in rows with as many cells as the header; 0 if there is none."""
    reader = csv.reader((f"{line}\n" for line in lines), candidate, strict=True)
    header: list[str] | None = None
    seen, whole = 1, 0  # lines of complete rows, of any number of cells and of the right one
    while True:
        before = reader.line_num
        try:
            row = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            taken = reader.line_num - before
            if whole_text or taken > LONGEST_ROW or "unexpected end" not in str(error):
                seen += taken  # otherwise the lines that are looked at end inside of quotes
            continue
        if header is None:
            header = row
            if len(row) < 2 or any(len(cell) > LONGEST_NAME or "{" in cell for cell in row):
                return 0.0
        else:
            seen += reader.line_num - before
            fits = len(row) == len(header) or (len(row) > len(header) and not any(row[len(header) :]))
            whole += (reader.line_num - before) * fits
    if header is None:
        return 0.0
    return (whole + 1) / seen
