"""Opens and hashes the files of the catalogue: paths and fsspec URLs (s3://, gs://, hf://, …).

Record and quarantine name a file by a short name; messages show its address without secrets (addresses.py).
"""

import hashlib
import io
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from dataset_builder.source.files.addresses import is_url, shown, without_secrets
from titlecraft.errors import UserError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

BUFFER = 1 << 20
CONNECT_SECONDS, SILENCE_SECONDS = 30, 90  # timeouts of a web server: to connect, and between two reads


class Listed(NamedTuple):
    """A file in a listing; `version` changes when the file changes."""

    address: str
    size: int
    version: str


@dataclass(frozen=True)
class CatalogueFile:
    """A file whose format is known. `size` is in bytes as stored, compressed or not.

    `format` is the name of its reader. `address` may contain secrets; messages use `shown`, records use `name`.
    """

    address: str
    name: str
    size: int
    compressed: bool
    format: str = "JSON lines"

    @property
    def shown(self) -> str:
        """Return the address without secrets, for messages."""
        return shown(self.address)


class Content(NamedTuple):
    """The sha256 (hex) and the size in bytes of a file as stored."""

    sha256: str
    bytes: int


def file_system(url: str) -> "tuple[AbstractFileSystem, str]":
    """Return the file system of a URL and the path in it. Raise UserError with the pip command if its package is missing."""
    import fsspec  # a fifth of a second, which a local catalogue does not need
    from fsspec.registry import known_implementations

    protocol = url.split("://")[0].split("::")[-1]
    try:
        return fsspec.url_to_fs(url, **timeouts(protocol))
    except ImportError as error:
        package = known_implementations[protocol]["class"].split(".")[0]
        raise UserError(
            f"{shown(url)}: reading {protocol}:// needs a package that is not installed: pip install {package}"
        ) from error
    except ValueError as error:
        raise UserError(
            f"{shown(url)}: {without_secrets(str(error), url)}; expected a path, or a URL that fsspec knows, such as s3://"
        ) from error


def timeouts(protocol: str) -> dict[str, Any]:
    """Return options for a web server: no limit on the whole transfer, timeouts for connecting and between reads."""
    if protocol not in ("http", "https"):
        return {}
    from aiohttp import ClientTimeout

    return {"client_kwargs": {"timeout": ClientTimeout(sock_connect=CONNECT_SECONDS, sock_read=SILENCE_SECONDS)}}


@contextmanager
def remote_errors(url: str) -> Iterator[None]:
    """Convert every exception of a remote file system into a UserError of one line."""
    try:
        yield
    except UserError:
        raise
    except FileNotFoundError as error:
        raise UserError(f"{shown(url)}: no such file, folder or bucket") from error
    except Exception as error:
        raise UserError(f"{shown(url)}: {in_one_line(error, url)}; check address, credentials and network") from error


def in_one_line(error: Exception, url: str) -> str:
    """Return the type and message of an exception without the secrets of the URL."""
    message = without_secrets(" ".join(str(error).split()), url)
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def open_file(address: str) -> BinaryIO:
    """Open a file for reading from its beginning."""
    if not is_url(address):
        return Path(address).open("rb")
    system, path = file_system(address)
    with remote_errors(address):
        raw: Any = system.open(path, "rb")
        return io.BufferedReader(raw, BUFFER)


def read_content(file: CatalogueFile) -> Content:
    """Read a whole file; return its sha256 and size."""
    digest, size = hashlib.sha256(), 0
    with open_file(file.address) as stream, remote_errors(file.address):
        while block := stream.read(BUFFER):
            digest.update(block)
            size += len(block)
    return Content(digest.hexdigest(), size)


def read_content_meanwhile(files: list[CatalogueFile]) -> Callable[[], list[Content]]:
    """Hash the files in a thread while the caller reads them; hashing releases the GIL.

    Returns a function that waits for the result.
    """
    contents = Future[list[Content]]()

    def work() -> None:
        try:
            contents.set_result([read_content(file) for file in files])
        except Exception as error:
            contents.set_exception(error)  # raised by `contents.result()`

    threading.Thread(target=work, daemon=True).start()  # not a pool, which would delay the exit of a failed build
    return contents.result


def described(files: list[CatalogueFile]) -> str:
    """Return the address of the only file, or the number of files, for a message."""
    return files[0].shown if len(files) == 1 else f"{len(files)} files"
