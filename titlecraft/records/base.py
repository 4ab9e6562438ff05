"""What all records have in common: immutable JSON structs, pins of Hub repos, files by sha256, and how records are read."""

import hashlib
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from titlecraft import __version__
from titlecraft.errors import UserError
from titlecraft.records.setting_names import IN_RECORDS, IN_SETTINGS, rename_settings

RepoType = Literal["dataset", "model", "space"]


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all records: immutable, no unknown fields, JSON both ways."""

    def to_json(self) -> bytes:
        """Indented JSON with a final newline; the same record gives the same bytes."""
        builtins = rename_settings(msgspec.to_builtins(self), IN_RECORDS)
        return msgspec.json.format(msgspec.json.encode(builtins), indent=2) + b"\n"


class Pin(Record, frozen=True):
    """One state of one Hub repo: its id and its 40-hex commit."""

    type: RepoType
    repo: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision[:12]}"


class File(Record, frozen=True):
    """One file: path inside its repo, size in bytes, sha256 in hex."""

    path: str
    bytes: int
    sha256: str


class Code(Record, frozen=True):
    """What computed a record: versions of Titlecraft, Python and the packages that matter to the result.

    `sources` is a sha256 over the source files of the ground floor and of the stage: two commits of one version differ.
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
        return msgspec.convert(rename_settings(msgspec.json.decode(raw), IN_SETTINGS), kind, strict=True, str_keys=True)
    except UNREADABLE as error:
        raise UserError(f"{where} is not a {kind.__name__} that Titlecraft {__version__} reads: {error}") from error


def has_schema(raw: bytes, kind: type[Record]) -> bool:
    """Whether the bytes are a record of this kind in the version that this code reads."""
    try:
        found = msgspec.json.decode(raw, type=_Versioned).schema
    except UNREADABLE:
        return False
    return any(field.name == "schema" and field.default == found for field in msgspec.structs.fields(kind))


class _Versioned(msgspec.Struct):
    """What says the version of a record."""

    schema: str


class _Keyed(msgspec.Struct):
    """What all records of stages have in common, whatever their version."""

    key: str


def record_key(raw: bytes) -> str | None:
    """The key of a record of any kind and version, or None where the bytes are no such record."""
    try:
        return msgspec.json.decode(raw, type=_Keyed).key
    except UNREADABLE:
        return None


def digest(inputs: dict[str, Any]) -> str:
    """sha256 over the canonical JSON of everything that a stage's result depends on: equal keys, equal results."""
    builtins = rename_settings(msgspec.to_builtins(inputs), IN_RECORDS)
    return hashlib.sha256(msgspec.json.encode(builtins, order="sorted")).hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file, in hex, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def describe_file(root: Path, path: Path) -> File:
    """The record of a file below `root`."""
    return File(path=path.relative_to(root).as_posix(), bytes=path.stat().st_size, sha256=file_sha256(path))
