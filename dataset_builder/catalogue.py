"""The files of the catalogue: paths, globs and fsspec URLs (s3://, gs://, hf://, …), found, examined, and opened.

They are read in the order of their addresses. In the record and in the quarantine a file has a short name: its address
below the folder that all of them have in common.
"""

import glob
import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, NamedTuple

import fsspec
from fsspec.registry import known_implementations

from dataset_builder.processes import InOrder
from titlecraft.errors import UserError

GZIP_MAGIC = b"\x1f\x8b"
BUFFER = 1 << 20


class Listed(NamedTuple):
    """A file as a listing shows it; `version` is another where the file has changed."""

    address: str
    size: int
    version: str


@dataclass(frozen=True)
class CatalogueFile:
    """A file that has been read once: its sha256 and size are those of the file as it lies there, compressed or not."""

    address: str
    name: str
    bytes: int
    sha256: str
    compressed: bool


def find_files(given: list[str]) -> list[Listed]:
    """The files that these paths, globs and URLs name, sorted by address, each once. Raises UserError where one names none."""
    found = {file.address: file for one in given for file in (listed_remotely(one) if is_url(one) else listed(one))}
    return [found[address] for address in sorted(found)]


def is_url(address: str) -> bool:
    """Is this for fsspec, rather than a path of this machine?"""
    return "://" in address


def listed(path: str) -> Iterator[Listed]:
    """The file of this path, or the files of this glob."""
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


def listed_remotely(url: str) -> Iterator[Listed]:
    """The file of this URL, or the files of this glob; listed anew, whatever was listed before."""
    system, path = file_system(url)
    with remote_errors(url):
        system.invalidate_cache()
        found = system.glob(path, detail=True) if glob.has_magic(path) else {path: system.info(path)}
    files = {name: about for name, about in found.items() if about["type"] == "file"}
    if not files:
        raise UserError(f"{url}: no file there; expected the catalogue, for example s3://bucket/part-*.json.gz")
    for name, about in files.items():
        version = hashlib.sha256(repr(sorted(about.items(), key=str)).encode()).hexdigest()
        yield Listed(system.unstrip_protocol(name), about["size"] or 0, version)


def file_system(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """The file system of a URL, and the path in it. Raises UserError with the pip command where its package is missing."""
    protocol = url.split("://")[0].split("::")[-1]
    try:
        return fsspec.url_to_fs(url)
    except ImportError as error:
        package = known_implementations[protocol]["class"].split(".")[0]
        raise UserError(
            f"{url}: reading {protocol}:// needs a package that is not installed: pip install {package}"
        ) from error
    except ValueError as error:
        raise UserError(f"{url}: {error}; expected a path, or a URL that fsspec knows, such as s3://") from error


@contextmanager
def remote_errors(url: str) -> Iterator[None]:
    """Whatever a remote file system raises becomes a UserError in one line: every one has exceptions of its own."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{url}: no such file, folder or bucket") from error
    except Exception as error:
        raise UserError(
            f"{url}: {type(error).__name__}: {' '.join(str(error).split())}; check address, credentials and network"
        ) from error


def open_file(address: str) -> BinaryIO:
    """Open a file for reading from its beginning."""
    if not is_url(address):
        return Path(address).open("rb")
    system, path = file_system(address)
    with remote_errors(address):
        return io.BufferedReader(system.open(path, "rb"), BUFFER)


def examine_files(found: list[Listed], in_order: InOrder) -> list[CatalogueFile]:
    """Read every file once, for its sha256. Raises UserError where one cannot be what it should be."""
    split = [absolute(file.address).split("/") for file in found]
    levels = zip(*(parts[:-1] for parts in split), strict=False)
    common = sum(1 for _ in takewhile(lambda level: len(set(level)) == 1, levels))
    tasks = [(absolute(file.address), "/".join(parts[common:])) for file, parts in zip(found, split, strict=True)]
    return list(in_order(examine, tasks))


def absolute(address: str) -> str:
    """The address as another process may use it, whatever folder that runs in."""
    return address if is_url(address) else str(Path(address).absolute())


def examine(task: tuple[str, str]) -> CatalogueFile:
    """Read one file, given its address and its short name."""
    address, name = task
    digest, size = hashlib.sha256(), 0
    with open_file(address) as stream:
        with remote_errors(address):
            head = stream.read(BUFFER)
        if not head:
            raise UserError(f"{address}: the file is empty; expected JSON lines")
        compressed = head.startswith(GZIP_MAGIC)
        if address.endswith(".gz") and not compressed:
            raise UserError(
                f"{address}: not a gzip file, whatever its name says; gunzip it, or rename it if it is plain JSON lines"
            )
        while head:
            digest.update(head)
            size += len(head)
            with remote_errors(address):
                head = stream.read(BUFFER)
    return CatalogueFile(address, name, size, digest.hexdigest(), compressed)


def described(files: list[CatalogueFile]) -> str:
    """The one file, or how many there are, for a message."""
    return files[0].address if len(files) == 1 else f"{len(files)} files"


def require_unchanged(given: list[str], before: list[Listed]) -> None:
    """Raises UserError where a file is not what it was before it was first read, or another one has come."""
    after = find_files(given)
    for file in set(before) ^ set(after):
        raise UserError(f"{file.address}: the file changed while it was read; run again when it is complete")
