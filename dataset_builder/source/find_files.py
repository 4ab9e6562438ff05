"""Lists the files of the catalogue: paths, globs and fsspec URLs (s3://, gs://, hf://, …), in the order of their addresses."""

import glob
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dataset_builder.source.addresses import is_url, shown
from dataset_builder.source.catalogue import Listed, file_system, remote_errors
from titlecraft.errors import UserError


def find_files(sources: list[str]) -> list[Listed]:
    """Return the files of these paths, globs and URLs, sorted by address, each once. Raise UserError if one has no file."""
    files = {
        file.address: file
        for source in sources
        for file in (list_remote(source) if is_url(source) else list_local(source))
    }
    return [files[address] for address in sorted(files)]


def list_local(path: str) -> Iterator[Listed]:
    """Yield the file of this path, or the files of this glob."""
    names = [path] if Path(path).exists() else sorted(glob.glob(path, recursive=True))  # noqa: PTH207 (Path.glob takes no absolute pattern)
    if not names and glob.has_magic(path):
        raise UserError(f"{path}: no file matches; expected the catalogue, for example 'part-*.json.gz'")
    if not names:
        raise UserError(f"{path}: no such file; expected the catalogue, for example trn.json.gz of AmazonTitles-1.3MM")
    for name in names:
        if not Path(name).is_file():
            raise UserError(f"{name}: not a file; expected the catalogue itself, for example {name}/trn.json.gz")
        status = Path(name).stat()
        yield Listed(name, status.st_size, str(status.st_mtime_ns))


def list_remote(url: str) -> Iterator[Listed]:
    """Yield the file of this URL, or the files of this glob; cached listings are ignored."""
    system, path = file_system(url)
    with remote_errors(url):
        system.invalidate_cache()
        entries: Any = system.glob(path, detail=True) if glob.has_magic(path) else {path: system.info(path)}
    files = {name: info for name, info in entries.items() if info["type"] == "file"}
    if not files:
        raise UserError(f"{shown(url)}: no file there; expected the catalogue, for example s3://bucket/part-*.json.gz")
    for name, info in files.items():
        version = hashlib.sha256(repr(sorted(info.items(), key=str)).encode()).hexdigest()
        yield Listed(str(system.unstrip_protocol(name)), info["size"] or 0, version)


def require_unchanged(sources: list[str], before: list[Listed]) -> None:
    """Raise UserError if a file was changed, added or removed since the listing `before`."""
    try:
        after = find_files(sources)
    except UserError as error:
        raise UserError(f"the source changed while it was read ({error}); run again when it is complete") from error
    for file in set(before) ^ set(after):
        raise UserError(f"{shown(file.address)}: the file changed while it was read; run again when it is complete")
