"""Recognises files that no reader reads, and suggests the command that converts them.

The beginning of the file decides: first its bytes, then its text. A file that looks like JSON lines is accepted, even if some
of its lines are malformed; the build quarantines those.
"""

import shlex
from pathlib import PurePath

from dataset_builder.source.files.compression import SUFFIXES, compression_of
from dataset_builder.source.formats.foreign_text import format_of_text
from dataset_builder.source.reader import Head
from titlecraft.errors import UserError

ACCEPTED = "JSON, CSV, XML, Parquet or Arrow"
UNPACK = {"gzip": "gunzip -k", "bzip2": "bunzip2 -k", "xz": "unxz -k", "zstd": "unzstd"}
# magic bytes, format, and the command that converts it to text; a table of one line each
MAGICS: list[tuple[bytes, str, str]] = [
    (b"ORC", "ORC", """python3 -c 'import pandas, sys; pandas.read_orc(sys.argv[1]).to_parquet("rows.parquet")' {0}"""),
    (b"Obj\x01", "Avro", "export it as JSON lines or Parquet"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "lz4 -dc {0} > rows.jsonl"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z e -so {0} > rows.jsonl"),
    (b"Rar!", "a RAR archive", "unrar p -inul {0} > rows.jsonl"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "save it as CSV in UTF-8"),
    (b"SQLite format 3\x00", "an SQLite database", "export its table as CSV"),
    (b"\x89HDF", "HDF5", "export it as Parquet or CSV"),
    (b"%PDF", "PDF", "export the catalogue as CSV or JSON lines"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "git lfs pull"),
]  # fmt: skip
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
UTF16, UTF32 = (b"\xff\xfe", b"\xfe\xff"), (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")


def require_readable(head: Head) -> None:
    """Raise UserError if a file is empty, or has the first bytes of a format that no reader reads."""
    if not head.data:
        if head.compression and head.whole:
            raise UserError(
                f"{head.shown}: the {head.compression} file holds nothing; expected a catalogue: {ACCEPTED}"
            )
        if head.whole:
            raise UserError(f"{head.shown}: the file is empty; expected a catalogue: {ACCEPTED}")
    name = name_of(head)
    if encoding := wide_encoding(head.data):
        raise UserError(f"{head.shown}: text in {encoding.upper()}: set --data.encoding={encoding}")
    if head.compression and (inner := compression_of(head.data)):
        suffix = SUFFIXES[inner]
        unpack = UNPACK[head.compression].removesuffix(" -k")
        raise UserError(
            f"{head.shown}: {inner} inside of {head.compression}; unpack it once: {unpack} -c {shlex.quote(name)} > rows.jsonl{suffix}"
        )
    if recognised := format_of_bytes(head.data, name):
        raise refusal(head, *recognised)


def require_json_lines(head: Head) -> None:
    """Raise UserError if a text is not JSON lines. The message names the format, and the command that converts the file."""
    name = name_of(head)
    if recognised := format_of_text(head, name):
        raise refusal(head, *recognised)
    if name.endswith(".gz") and not head.compression:
        raise UserError(
            f"{head.shown}: not a gzip file, whatever its name says; gunzip it, or rename it if it is plain JSON lines"
        )


def name_of(head: Head) -> str:
    """Return the name of a file, as a command in its folder has it."""
    return head.shown.rpartition("/")[2]


def refusal(head: Head, format_name: str, command: str) -> UserError:
    """Return the error for a file in this format, which the command converts."""
    name, before, inside = name_of(head), "", ""
    if head.compression:
        inside = f" inside of the {head.compression} file"
        before = f"unpack it ({UNPACK[head.compression]} {shlex.quote(name)}), then: "
        command = command.replace(shlex.quote(name), shlex.quote(name.removesuffix(SUFFIXES[head.compression])))
    return UserError(f"{head.shown}: found {format_name}{inside}, expected {ACCEPTED}: {before}{command}")


def format_of_bytes(head: bytes, name: str) -> tuple[str, str] | None:
    """Return format and conversion command by the first bytes of a file; None if they are not of a known format."""
    quoted = shlex.quote(name)
    for magic, format_name, command in MAGICS:
        if head.startswith(magic):
            return format_name, command.format(quoted)
    if head.startswith(ZIPS):
        if b"[Content_Types].xml" in head[:4096] or b"xl/" in head[:4096]:
            return "an Excel workbook or another Office file", "save it as CSV in UTF-8"
        return "a zip archive", f"unzip -p {quoted} > rows.jsonl"
    if head[257:262] == b"ustar":
        return "a tar archive", f"tar -xOf {quoted} > rows.jsonl"
    return None


def suffix_of(name: str) -> str:
    """Return the suffix of a file's text, without that of compression."""
    for suffix in SUFFIXES.values():
        name = name.removesuffix(suffix)
    return PurePath(name).suffix or ".jsonl"


def wide_encoding(head: bytes) -> str | None:
    """Return utf-16 or utf-32, by the byte-order mark or by zero bytes between ASCII characters; None if neither."""
    if head.startswith(UTF32):
        return "utf-32"
    if head.startswith(UTF16):
        return "utf-16"
    first = head[:64]
    if len(first) >= 8 and not any(first[1::2]) and all(first[::2]):
        return "utf-16-le"
    if len(first) >= 8 and not any(first[::2]) and all(first[1::2]):
        return "utf-16-be"
    return None
