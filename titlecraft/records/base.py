"""The basis of all records: immutable JSON structs, pins of Hub repos, files with sha256, keys, and decoding."""

import hashlib
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from titlecraft import __version__
from titlecraft.errors import UserError
from titlecraft.records.setting_names import IN_RECORDS, IN_SETTINGS, fill_settings, rename_settings, without_before

RepoType = Literal["dataset", "model", "space"]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base class of all records: immutable, without unknown fields, to and from JSON."""

    def to_json(self) -> bytes:
        """Return indented JSON with a final newline; equal records give equal bytes."""
        builtins = rename_settings(msgspec.to_builtins(self), IN_RECORDS)
        return msgspec.json.format(msgspec.json.encode(builtins), indent=2) + b"\n"


class Pin(Record, frozen=True):
    """A state of a Hub repo: its id and its 40-hex commit."""

    type: RepoType
    repo: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision[:12]}"


class File(Record, frozen=True):
    """A file: path in its repo, size in bytes, sha256 in hex."""

    path: str
    bytes: int
    sha256: str


class Code(Record, frozen=True):
    """The code that computed a record: versions of Titlecraft, Python and the packages that affect the result.

    `sources` is a sha256 over the source files that decide the stage's result; it differs between commits of one
    version.
    """

    titlecraft: str
    sources: str
    python: str
    packages: dict[str, str]


R = TypeVar("R", bound=Record)
UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)  # what bytes that are no record raise


def read_record(raw: bytes, kind: type[R], where: str) -> R:
    """Decode a record strictly; `where` names repo and file in the error. Raises UserError."""
    try:
        values = fill_settings(rename_settings(msgspec.json.decode(raw), IN_SETTINGS))
        return msgspec.convert(values, kind, strict=True, str_keys=True)
    except UNREADABLE as error:
        raise UserError(f"{where} is not a {kind.__name__} that Titlecraft {__version__} reads: {error}") from error


def has_schema(raw: bytes, kind: type[Record]) -> bool:
    """Whether the bytes are a record of this kind and schema version."""
    try:
        schema = msgspec.json.decode(raw, type=_Versioned).schema
    except UNREADABLE:
        return False
    return any(field.name == "schema" and field.default == schema for field in msgspec.structs.fields(kind))


class _Versioned(msgspec.Struct):
    """The schema version of a record."""

    schema: str


class _Keyed(msgspec.Struct):
    """The key of any stage's record, in any version."""

    key: str


def record_key(raw: bytes) -> str | None:
    """Return the key of a record of any kind and version, or None if the bytes are not a record."""
    try:
        return msgspec.json.decode(raw, type=_Keyed).key
    except UNREADABLE:
        return None


def digest(inputs: dict[str, Any]) -> str:
    """Return the sha256 over the canonical JSON of a stage's inputs. Equal keys mean equal results."""
    builtins = without_before(rename_settings(msgspec.to_builtins(inputs), IN_RECORDS))
    return hashlib.sha256(msgspec.json.encode(builtins, order="sorted")).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file in hex."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe_file(root: Path, path: Path) -> File:
    """Return the record of a file below `root`."""
    return File(path=path.relative_to(root).as_posix(), bytes=path.stat().st_size, sha256=file_sha256(path))
