"""Recognises files that are not JSON lines, and suggests the command that converts them.

The beginning of the file decides: first its bytes, then its text. A file that looks like JSON lines is accepted, even if some
of its lines are malformed; the build quarantines those.
"""

import shlex
from zlib import MAX_WBITS, decompressobj
from zlib import error as ZlibError

from dataset_builder.source.addresses import shown
from dataset_builder.source.foreign_text import format_of_text
from titlecraft.errors import UserError

HEAD_BYTES = 1 << 18
GZIP = b"\x1f\x8b"
# shell commands; {0} is the quoted name of the file, and the Python programs contain no single quote
FROM_PANDAS = """python3 -c 'import pandas, sys; pandas.read_%s(sys.argv[1]).to_json("rows.jsonl", orient="records", lines=True, force_ascii=False)' {0}"""
# magic bytes, format, and the command that converts it to text; a table of one line each
MAGICS: list[tuple[bytes, str, str]] = [
    (b"PAR1", "Parquet", FROM_PANDAS % "parquet"),
    (b"ARROW1", "Arrow (Feather)", FROM_PANDAS % "feather"),
    (b"ORC", "ORC", FROM_PANDAS % "orc"),
    (b"Obj\x01", "Avro", "export it as JSON lines"),
    (b"BZh", "compressed with bzip2", "bzip2 -dc {0} > rows.jsonl"),
    (b"\xfd7zXZ\x00", "compressed with xz", "xz -dc {0} > rows.jsonl"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "zstd -dc {0} > rows.jsonl"),
    (b"\x04\x22\x4d\x18", "compressed with lz4", "lz4 -dc {0} > rows.jsonl"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", "7z e -so {0} > rows.jsonl"),
    (b"Rar!", "a RAR archive", "unrar p -inul {0} > rows.jsonl"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file", "save it as CSV and convert that"),
    (b"SQLite format 3\x00", "an SQLite database", "export its table as JSON lines"),
    (b"\x89HDF", "HDF5", "export it as JSON lines"),
    (b"%PDF", "PDF", "export the catalogue as JSON lines"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself", "git lfs pull"),
]  # fmt: skip
ZIPS = (b"PK\x03\x04", b"PK\x05\x06")
UTF16, UTF32 = (b"\xff\xfe", b"\xfe\xff"), (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")


def require_json_lines(head: bytes, address: str, whole: bool) -> None:
    """Raise UserError if a file's first bytes (the `whole` file, or its beginning) have another format than JSON lines.

    The message names the format, the columns of a table, and the command that converts the file.
    """
    named = shown(address)
    name = named.rpartition("/")[2]
    if not head:
        raise UserError(f"{named}: the file is empty; expected JSON lines")
    text = head
    if head.startswith(GZIP):
        text, whole = gunzipped(head, whole)
        if whole and not text:
            raise UserError(f"{named}: the gzip file holds nothing; expected JSON lines")
        if text.startswith(GZIP):
            raise UserError(
                f"{named}: gzip inside of gzip; unpack it once: gunzip -c {shlex.quote(name)} > rows.jsonl.gz"
            )
    recognised = format_of_bytes(text, name) or format_of_text(text, name, whole)
    if recognised and "utf-8-sig" in recognised[1] and not is_utf8(text, whole):
        recognised = f"{recognised[0]}, in Windows-1252 or Latin-1", recognised[1].replace("utf-8-sig", "cp1252")
    inside = " inside of the gzip file" if head.startswith(GZIP) else ""
    if recognised:
        format_name, command = recognised
        before = f"unpack it (gunzip -k {shlex.quote(name)}), then: " if inside else ""
        if inside:
            command = command.replace(shlex.quote(name), shlex.quote(name.removesuffix(".gz")))
        raise UserError(
            f"{named}: found {format_name}{inside}, expected JSON lines (one object a line): {before}{command}"
        )
    if name.endswith(".gz") and not inside:
        raise UserError(
            f"{named}: not a gzip file, whatever its name says; gunzip it, or rename it if it is plain JSON lines"
        )


def gunzipped(head: bytes, whole: bool) -> tuple[bytes, bool]:
    """Return the first bytes of a gzip file's text, and whether they are all of it; no bytes if the data is damaged."""
    unpacker = decompressobj(MAX_WBITS | 16)
    try:
        text = unpacker.decompress(head, HEAD_BYTES)
    except ZlibError:
        return b"", False
    return text, whole and unpacker.eof and not unpacker.unused_data


def format_of_bytes(head: bytes, name: str) -> tuple[str, str] | None:
    """Return format and conversion command by the first bytes of a file; None if they are not of a known format."""
    quoted = shlex.quote(name)
    for magic, format_name, command in MAGICS:
        if head.startswith(magic):
            return format_name, command.format(quoted)
    if head.startswith(ZIPS):
        if b"[Content_Types].xml" in head[:4096] or b"xl/" in head[:4096]:
            return "an Excel workbook or another Office file", "save it as CSV and convert that"
        return "a zip archive", f"unzip -p {quoted} > rows.jsonl"
    if head[257:262] == b"ustar":
        return "a tar archive", f"tar -xOf {quoted} > rows.jsonl"
    if encoding := wide_encoding(head):
        return f"text in {encoding}", f"iconv -f {encoding} -t UTF-8 {quoted} > rows.jsonl"
    return None


def wide_encoding(head: bytes) -> str | None:
    """Return UTF-16 or UTF-32, by the byte-order mark or by zero bytes between ASCII characters; None if neither."""
    if head.startswith(UTF32):
        return "UTF-32"
    if head.startswith(UTF16):
        return "UTF-16"
    first = head[:64]
    if len(first) >= 8 and not any(first[1::2]) and all(first[::2]):
        return "UTF-16LE"
    if len(first) >= 8 and not any(first[::2]) and all(first[1::2]):
        return "UTF-16BE"
    return None


def is_utf8(head: bytes, whole: bool) -> bool:
    """Return whether the beginning of a text is UTF-8."""
    try:
        (head if whole else head[: head.rfind(b"\n") + 1]).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
