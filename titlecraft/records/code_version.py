"""The version of the code: package versions, and a sha256 over the source files that decide the result."""

import ast
import hashlib
import io
import tokenize
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from titlecraft import __version__
from titlecraft.records.base import Code
from titlecraft.records.stage_sources import deciding_files

ROOT = Path(__file__).resolve().parents[2]


@cache
def sources_sha256(stage: str) -> str:
    """Return the sha256 over names and contents of the files that decide a stage's result (see `stage_sources.py`).

    Docstrings, comments and exception messages of Python files are left out, so that editing them does not change keys.
    """
    digest = hashlib.sha256()
    for path in deciding_files(stage):
        content = (ROOT / path).read_bytes()
        digest.update(f"{path}\0".encode() + (deciding_text(content) if path.endswith(".py") else content) + b"\0")
    return digest.hexdigest()


def deciding_text(source: bytes) -> bytes:
    """Return Python source without docstrings, comments, arguments of `raise` and blank lines.

    The result is the same in every Python version.
    """
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    left_out = comments(source, lines, starts)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            left_out.append(span(node, starts))
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            left_out += [span(argument, starts) for argument in node.exc.args]
    pieces, position = [], 0
    for start, end in sorted(left_out):
        pieces.append(source[position:start])
        position = max(position, end)
    text = b"".join([*pieces, source[position:]])
    return b"\n".join(line.rstrip() for line in text.splitlines() if line.strip())


def span(node: ast.expr | ast.stmt, starts: list[int]) -> tuple[int, int]:
    """Return the first byte of a node in its source, and the byte after its last (ast counts columns in UTF-8 bytes)."""
    assert node.end_lineno is not None and node.end_col_offset is not None
    return starts[node.lineno - 1] + node.col_offset, starts[node.end_lineno - 1] + node.end_col_offset


def comments(source: bytes, lines: list[bytes], starts: list[int]) -> list[tuple[int, int]]:
    """Return the byte spans of all comments (tokenize counts columns in characters)."""
    spans = []
    for token in tokenize.tokenize(io.BytesIO(source).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            start = starts[row - 1] + len(lines[row - 1].decode()[:column].encode())
            spans.append((start, start + len(token.string.encode())))
    return spans


def current_code(stage: str, *packages: str) -> Code:
    """Return the code version of a stage; packages that are not installed are left out."""
    versions = {}
    for package in packages:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return Code(titlecraft=__version__, sources=sources_sha256(stage), python=python_version(), packages=versions)
