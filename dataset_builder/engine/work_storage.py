"""The storage of intermediate rows, sketches and shards when the workers are on other machines.

A folder that all nodes mount is used directly. With an fsspec URL, a task runs in a temporary folder: its input files are
downloaded before, its output files are uploaded after, and nothing stays on the worker. A task that searches for
near-duplicates downloads all sketches, 256 bytes a row; there are 50 of these tasks.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from dataset_builder.source.files.catalogue import file_system, remote_errors
from titlecraft.errors import UserError


def results_of(function: Callable[[Any], Any], task: Any) -> Iterator[Any]:
    """Yield the result of a function for a task, or each result of a generator function."""
    if isgeneratorfunction(function):
        yield from function(task)
    else:
        yield function(task)


def paths_in(value: Any) -> Iterator[Path]:
    """Yield the paths in a task, also those in lists and in the fields of dataclasses."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from paths_in(item)
    elif is_dataclass(value):
        for field in fields(value):
            yield from paths_in(getattr(value, field.name))


def moved(value: Any, old: Path, new: Path) -> Any:
    """Return a task or result with every path below `old` replaced by the same path below `new`."""
    if isinstance(value, Path):
        return new / value.relative_to(old) if value.is_relative_to(old) else value
    if isinstance(value, list):
        return [moved(item, old, new) for item in value]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: moved(getattr(value, field.name), old, new) for field in fields(value)})
    return value


def make_parent(system: AbstractFileSystem, path: str) -> None:
    """Make the parent folder of a path on a local disk; object stores need no folders."""
    if isinstance(system, LocalFileSystem):  # on S3 this would create a bucket if the name is misspelt
        system.makedirs(system._parent(path), exist_ok=True)


@dataclass(frozen=True)
class MountedFolder:
    """A folder that every node mounts at the same path; also the storage of a single node."""

    root: Path

    def run(self, function: Callable[[Any], Any], task: Any) -> Iterator[tuple[Any, list[str]]]:
        """On a worker: run the task. Raise UserError if the folder does not exist."""
        if not self.root.is_dir():
            raise UserError(f"{self.root}: not there on a worker; --work must name a folder that every node mounts")
        for result in results_of(function, task):
            yield result, []

    def send(self, tasks: list[Any]) -> None:
        """No-op: the workers read the same folder."""

    def fetch(self, names: list[str]) -> None:
        """No-op: the workers write to the same folder."""

    def prepare(self) -> None:
        """No-op: the build makes the folder."""

    def clear(self) -> None:
        """No-op: the build removes the folder."""


@dataclass(frozen=True)
class RemoteFolder:
    """A folder at an fsspec URL that mirrors the parent's folder `root`; tasks name their files by paths below `root`."""

    root: Path
    url: str

    def run(self, function: Callable[[Any], Any], task: Any) -> Iterator[tuple[Any, list[str]]]:
        """On a worker: run the task in a temporary folder; yield each result with the names of its output files."""
        with tempfile.TemporaryDirectory(prefix="titlecraft-") as name:
            folder = Path(name)
            local_task = moved(task, self.root, folder)
            inputs = {path for path in paths_in(local_task) if self.download(path, folder)}
            for result in results_of(function, local_task):
                outputs = [path for path in folder.rglob("*") if path.is_file() and path not in inputs]
                for path in outputs:
                    self.upload(path, folder)
                    path.unlink()
                yield moved(result, folder, self.root), [path.relative_to(folder).as_posix() for path in outputs]

    def send(self, tasks: list[Any]) -> None:
        """In the parent: upload the input files of these tasks."""
        for path in {path for task in tasks for path in paths_in(task)}:
            if path.is_relative_to(self.root) and path.is_file():
                self.upload(path, self.root)

    def fetch(self, names: list[str]) -> None:
        """In the parent: download the output files of a task."""
        for name in names:
            self.download(self.root / name, self.root)

    def upload(self, path: Path, folder: Path) -> None:
        """Upload one file of `folder`, which mirrors `root`."""
        system, remote_path = file_system(f"{self.url}/{path.relative_to(folder).as_posix()}")
        with remote_errors(self.url):
            make_parent(system, remote_path)
            system.put_file(str(path), remote_path)

    def download(self, path: Path, folder: Path) -> bool:
        """Download one file into `folder`, which mirrors `root`; return False if there is no such file."""
        if not path.is_relative_to(folder) or path == folder:
            return False
        system, remote_path = file_system(f"{self.url}/{path.relative_to(folder).as_posix()}")
        with remote_errors(self.url):
            system.invalidate_cache()
            if not system.isfile(remote_path):
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(remote_path, str(path))
        return True

    def prepare(self) -> None:
        """Remove the files of a killed run. Raise UserError if the storage is not writable, before anything is read."""
        self.clear()
        system, remote_path = file_system(f"{self.url}/begun")
        with remote_errors(self.url):
            make_parent(system, remote_path)
            system.pipe_file(remote_path, b"")

    def clear(self) -> None:
        """Remove the whole folder at the URL."""
        system, remote_path = file_system(self.url)
        with remote_errors(self.url):
            system.invalidate_cache()
            if system.exists(remote_path):
                system.rm(remote_path, recursive=True)
