"""Lists the files of the catalogue: paths, folders, globs, zip archives and fsspec URLs (s3://, gs://, hf://, …), in order."""

import glob
import hashlib
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

from dataset_builder.source.files.addresses import is_url, shown
from dataset_builder.source.files.catalogue import Listed, file_system, remote_errors
from dataset_builder.source.files.catalogue_names import is_catalogue
from titlecraft.errors import UserError

ZIP = (b"PK\x03\x04", b"PK\x05\x06")


def find_files(sources: list[str]) -> list[Listed]:
    """Return the files of these paths, folders, globs, archives and URLs, sorted by address, each once.

    Raises UserError if a source has no file.
    """
    files = {
        file.address: file
        for source in sources
        for file in (list_remote(source) if is_url(source) else list_local(source))
    }
    return [files[address] for address in sorted(files, key=by_path)]


def by_path(address: str) -> str:
    """Return what files are sorted by: the path; of a member of an archive that of the archive, then its own."""
    member, chained, archive = address.partition("::")
    return f"{archive}/{member.partition('://')[2]}" if chained else address


def list_local(path: str) -> Iterator[Listed]:
    """Yield the files of this path, folder, glob or archive."""
    names = [path] if Path(path).exists() else sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
    if not names and (archive := archive_of(path)):
        yield from members(str(archive), Path(path).relative_to(archive).as_posix())
        return
    if not names and glob.has_magic(path):
        raise UserError(f"{path}: no file matches; expected the catalogue, for example 'part-*.json.gz'")
    if not names:
        raise UserError(f"{path}: no such file; expected the catalogue, for example trn.json.gz of AmazonTitles-1.3MM")
    for name in names:
        if Path(name).is_dir():
            if name != path:
                raise UserError(f"{name}: a folder; expected files, or the folder itself: {name}")
            yield from list_folder(path)
        elif not Path(name).is_file():
            raise UserError(f"{name}: not a file; expected the catalogue itself, for example trn.json.gz")
        elif is_archive(name):
            yield from members(name)
        else:
            yield listed(name)


def listed(name: str) -> Listed:
    """Return a local file as listed."""
    status = Path(name).stat()
    return Listed(name, status.st_size, str(status.st_mtime_ns))


def list_folder(path: str) -> Iterator[Listed]:
    """Yield the files of a folder, and of those in it, whose names have the suffix of a format."""
    root = Path(path)
    files = sorted(file for file in root.rglob("*") if file.is_file())
    chosen = [file for file in files if is_catalogue(file.relative_to(root).as_posix()) or file.suffix == ".zip"]
    note_skipped(path, [str(file.relative_to(root)) for file in files if file not in set(chosen)], len(chosen))
    for file in chosen:
        yield from members(str(file)) if is_archive(str(file)) else [listed(str(file))]


def note_skipped(place: str, skipped: list[str], chosen: int) -> None:
    """Print which files of a folder or an archive are no catalogue by their names. Raises UserError if all are."""
    names = f"{', '.join(skipped[:3])}{', …' if len(skipped) > 3 else ''}"
    if not chosen:
        raise UserError(
            f"{place}: no file there has the name of a catalogue, such as rows.jsonl, shop.csv.gz or part-0.parquet"
            f"{f' (there are {names})' if skipped else ''}"
        )
    if skipped:
        print_once(f"note: {place}: {len(skipped)} other files are not read ({names})")


@cache
def print_once(note: str) -> None:
    """Print a note on stderr, the first time; a build lists its files twice."""
    print(note, file=sys.stderr)


def archive_of(path: str) -> Path | None:
    """Return the zip archive that a path leads into, such as shop.zip of shop.zip/rows.csv."""
    return next((parent for parent in Path(path).parents if parent.is_file() and is_archive(str(parent))), None)


def is_archive(name: str) -> bool:
    """Return whether a local file is a zip archive, other than an Office file."""
    with Path(name).open("rb") as file:
        head = file.read(4096)
    return head.startswith(ZIP) and b"[Content_Types].xml" not in head and b"xl/" not in head


def members(archive: str, member: str | None = None) -> Iterator[Listed]:
    """Yield the files in a zip archive at a path or URL that are a part of the catalogue, or the one with this path."""
    location = archive if is_url(archive) else str(Path(archive).absolute())
    try:
        system, _ = file_system(f"zip://::{location}")
        with remote_errors(archive):
            found: Any = system.find("", detail=True)
    except BadZipFile as error:
        raise UserError(f"{shown(archive)}: the zip archive is cut or damaged ({error}); fetch it again") from error
    sizes = {name: info["size"] for name, info in found.items()}
    if member is not None and member not in sizes:
        raise UserError(f"{shown(archive)}: no file {member!r} in it; there are {', '.join(list(sizes)[:5]) or 'none'}")
    chosen = [member] if member is not None else [name for name in sizes if len(sizes) == 1 or is_catalogue(name)]
    if member is None:
        note_skipped(shown(archive), sorted(set(sizes) - set(chosen)), len(chosen))
    for name in chosen:
        yield Listed(f"zip://{name}::{location}", sizes[name], repr(sorted(found[name].items(), key=str)))


def list_remote(url: str) -> Iterator[Listed]:
    """Yield the files of this URL, folder, glob or archive; cached listings are ignored."""
    system, path = file_system(url)
    with remote_errors(url):
        system.invalidate_cache()
        entries: Any = system.glob(path, detail=True) if glob.has_magic(path) else {path: system.info(path)}
        files = {name: info for name, info in entries.items() if info["type"] == "file"}
        if list(entries) == [path] and not files:
            inside: Any = system.find(path, detail=True)
            files = {name: info for name, info in inside.items() if is_catalogue(name.removeprefix(path))}
    if not files:
        raise UserError(f"{shown(url)}: no file there; expected the catalogue, for example s3://bucket/part-*.json.gz")
    for name, info in files.items():
        address = url if "::" in url and name == path else str(system.unstrip_protocol(name))
        if "::" not in url and shown(address).lower().endswith(".zip"):
            yield from members(address)
            continue
        version = hashlib.sha256(repr(sorted(info.items(), key=str)).encode()).hexdigest()
        yield Listed(address, info["size"] or 0, version)


def require_unchanged(sources: list[str], before: list[Listed]) -> None:
    """Raise UserError if a file was changed, added or removed since the listing `before`."""
    try:
        after = find_files(sources)
    except UserError as error:
        raise UserError(f"the source changed while it was read ({error}); run again when it is complete") from error
    for file in set(before) ^ set(after):
        raise UserError(f"{shown(file.address)}: the file changed while it was read; run again when it is complete")
