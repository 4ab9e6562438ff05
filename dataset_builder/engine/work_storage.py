"""Where rows, sketches and shards wait when the workers are on other machines.

A folder that all nodes mount is used as it is. At an fsspec URL a task runs in a temporary folder of its own: what it names
is fetched before, what it leaves is sent after, and nothing stays on the worker. A task that looks for near-duplicates
fetches all sketches, 256 bytes a row; there are 50 of these tasks.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from inspect import isgeneratorfunction
from pathlib import Path
from typing import Any

from fsspec import AbstractFileSystem
from fsspec.implementations.local import LocalFileSystem

from dataset_builder.source.catalogue import file_system, remote_errors
from titlecraft.errors import UserError


def results_of(function: Callable[[Any], Any], task: Any) -> Iterator[Any]:
    """What a function gives for a task: the one result, or those that a generator yields."""
    if isgeneratorfunction(function):
        yield from function(task)
    else:
        yield function(task)


def paths_in(value: Any) -> Iterator[Path]:
    """The paths in a task: in the fields of dataclasses, and in lists."""
    if isinstance(value, Path):
        yield value
    elif isinstance(value, list):
        for one in value:
            yield from paths_in(one)
    elif is_dataclass(value):
        for field in fields(value):
            yield from paths_in(getattr(value, field.name))


def moved(value: Any, old: Path, new: Path) -> Any:
    """The same task or result, with every path below `old` now below `new`."""
    if isinstance(value, Path):
        return new / value.relative_to(old) if value.is_relative_to(old) else value
    if isinstance(value, list):
        return [moved(one, old, new) for one in value]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: moved(getattr(value, field.name), old, new) for field in fields(value)})
    return value


def make_parent(system: AbstractFileSystem, path: str) -> None:
    """Make the folder of a path where that needs to be made: other systems than disks do so themselves, or have none."""
    if isinstance(system, LocalFileSystem):  # on S3 this would make a bucket of a misspelt name
        system.makedirs(system._parent(path), exist_ok=True)


@dataclass(frozen=True)
class MountedFolder:
    """A folder that every node sees at the same path, as it is where there is but one node."""

    root: Path

    def run(self, function: Callable[[Any], Any], task: Any) -> Iterator[tuple[Any, list[str]]]:
        """On a worker: do the task. Raises UserError where the folder is not there."""
        if not self.root.is_dir():
            raise UserError(f"{self.root}: not there on a worker; --work must name a folder that every node mounts")
        for result in results_of(function, task):
            yield result, []

    def send(self, tasks: list[Any]) -> None:
        """Nothing need be sent."""

    def fetch(self, names: list[str]) -> None:
        """Nothing need be fetched."""

    def prepare(self) -> None:
        """The parent makes its folder itself."""

    def clear(self) -> None:
        """The parent removes its folder itself."""


@dataclass(frozen=True)
class RemoteFolder:
    """A folder at an fsspec URL that stands for the parent's folder `root`: tasks name their files by paths below it."""

    root: Path
    url: str

    def run(self, function: Callable[[Any], Any], task: Any) -> Iterator[tuple[Any, list[str]]]:
        """On a worker: do the task in a folder of its own; yields each result with the names of the files it left."""
        with tempfile.TemporaryDirectory(prefix="titlecraft-") as name:
            room = Path(name)
            here = moved(task, self.root, room)
            fetched = {path for path in paths_in(here) if self.get(path, room)}
            for result in results_of(function, here):
                left = [path for path in room.rglob("*") if path.is_file() and path not in fetched]
                for path in left:
                    self.put(path, room)
                    path.unlink()
                yield moved(result, room, self.root), [path.relative_to(room).as_posix() for path in left]

    def send(self, tasks: list[Any]) -> None:
        """In the parent: send the files that these tasks name and that lie here."""
        for path in {path for task in tasks for path in paths_in(task)}:
            if path.is_relative_to(self.root) and path.is_file():
                self.put(path, self.root)

    def fetch(self, names: list[str]) -> None:
        """In the parent: fetch files that a task left."""
        for name in names:
            self.get(self.root / name, self.root)

    def put(self, path: Path, folder: Path) -> None:
        """Send one file of a folder that stands for `root`."""
        system, there = file_system(f"{self.url}/{path.relative_to(folder).as_posix()}")
        with remote_errors(self.url):
            make_parent(system, there)
            system.put_file(str(path), there)

    def get(self, path: Path, folder: Path) -> bool:
        """Fetch one file into such a folder; False where there is no such file."""
        if not path.is_relative_to(folder) or path == folder:
            return False
        system, there = file_system(f"{self.url}/{path.relative_to(folder).as_posix()}")
        with remote_errors(self.url):
            system.invalidate_cache()
            if not system.isfile(there):
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(there, str(path))
        return True

    def prepare(self) -> None:
        """Remove what a run left that was killed. Raises UserError where nothing can be written, before anything is read."""
        self.clear()
        system, there = file_system(f"{self.url}/begun")
        with remote_errors(self.url):
            make_parent(system, there)
            system.pipe_file(there, b"")

    def clear(self) -> None:
        """Remove everything there."""
        system, there = file_system(self.url)
        with remote_errors(self.url):
            system.invalidate_cache()
            if system.exists(there):
                system.rm(there, recursive=True)
