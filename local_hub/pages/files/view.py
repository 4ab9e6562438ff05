"""The view of one file: image, Markdown, table, tensors, coloured text, or a note."""

import json
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from local_hub.errors import EntryNotFound
from local_hub.pages.dataset.first_rows import Table, UnreadableTable, first_rows
from local_hub.pages.highlight import code_block, source_lines
from local_hub.pages.markdown import Surroundings, render_markdown
from local_hub.pages.repo.view import RepoView
from local_hub.repos.entry import Entry
from local_hub.untrusted.card_metadata import split_card
from local_hub.untrusted.data import BadData, read_json
from local_hub.untrusted.safetensors_header import Tensor, read_header

_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".avif")
_TABLES = (".parquet", ".jsonl", ".ndjson", ".csv", ".tsv")
_MAX_TEXT_BYTES = 500_000
_MAX_LINES = 10_000
_MAX_PRETTY_CHARACTERS = 100_000  # indentation makes deeply nested values long
_ROWS = 20


@dataclass(frozen=True)
class Shown:
    """The content of a file page. `kind` determines which fields are used."""

    kind: str  # picture, markdown, table, tensors, text or bytes
    html: str = ""  # of Markdown, sanitised
    lines: list[str] = field(default_factory=list)  # of text, each as HTML
    table: Table | None = None
    tensors: list[Tensor] = field(default_factory=list)
    note: str = ""
    has_source: bool = False  # `?plain=1` shows its source
    opens: bool = False  # an HTML file that a browser can open


def show_file(view: RepoView, entry: Entry, *, plain: bool) -> Shown:
    """The best view of a file; with `plain` its text."""
    suffix = PurePosixPath(entry.path).suffix.lower()
    if suffix in _PICTURES and not plain:
        return Shown("picture", has_source=suffix == ".svg")
    if suffix in _TABLES and not plain:
        try:
            return Shown("table", table=first_rows(view.repo, [entry], _ROWS), has_source=suffix != ".parquet")
        except UnreadableTable as error:
            return Shown("bytes", note=str(error)) if suffix == ".parquet" else _text(view, entry, suffix, str(error))
    if suffix == ".safetensors" and entry.lfs:
        return _tensors(view, entry)
    if suffix in (".md", ".markdown") and not plain and entry.size <= _MAX_TEXT_BYTES:
        return _markdown(view, entry)
    return _text(view, entry, suffix)


def _markdown(view: RepoView, entry: Entry) -> Shown:
    block, body = split_card(_beginning(view, entry).decode("utf-8", errors="replace"))
    where = Surroundings(view.type, view.id, view.revision, entry.path.rpartition("/")[0])
    front = code_block(block.strip("\n") + "\n", "yaml") if block else ""
    return Shown("markdown", html=front + render_markdown(body, where), has_source=True)


def _text(view: RepoView, entry: Entry, suffix: str, note: str = "") -> Shown:
    content = _beginning(view, entry)
    cut = entry.size > len(content)
    try:
        text = content.decode("utf-8", errors="ignore" if cut else "strict")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        return Shown("bytes", note=note or "This is not text, so it is not shown here.")
    if suffix == ".json" and len(text) <= _MAX_PRETTY_CHARACTERS:
        text = _pretty(text)
    if cut:
        note = f"Only the first {_MAX_TEXT_BYTES // 1000} kB are shown."
    lines = source_lines(text, PurePosixPath(entry.path).name)
    if len(lines) > _MAX_LINES:
        note = f"Only the first {_MAX_LINES:,} lines are shown."
    return Shown("text", lines=lines[:_MAX_LINES], note=note, opens=suffix in (".html", ".htm"))


def _pretty(text: str) -> str:
    """JSON with indentation, if it has only a few lines."""
    try:
        return text if text.count("\n") > 3 else json.dumps(read_json(text), indent=2, ensure_ascii=False)
    except BadData:
        return text


def _tensors(view: RepoView, entry: Entry) -> Shown:
    """The tensors in the header of a safetensors file."""
    try:
        with view.repo.open_lfs(entry) as file:
            return Shown("tensors", tensors=read_header(file))
    except (EntryNotFound, BadData):
        return Shown("bytes", note="The header of this safetensors file cannot be read.")


def _beginning(view: RepoView, entry: Entry) -> bytes:
    if entry.lfs is None:
        return view.repo.objects.blob(entry.oid)[:_MAX_TEXT_BYTES]
    with view.repo.open_lfs(entry) as file:
        return file.read(_MAX_TEXT_BYTES)
