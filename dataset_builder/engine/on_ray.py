"""Runs tasks on Ray Data, on a cluster or on this machine.

The tasks form a Ray dataset with one block for each task. Results stream back in the order of the tasks, and Ray's
backpressure limits how far workers run ahead. Reading a file of the catalogue is a task too, so workers read the files.
"""

import logging
import os
import pickle
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

import pyarrow as pa

from dataset_builder.engine.interface import PACKAGES, Engine
from dataset_builder.engine.work_storage import MountedFolder, RemoteFolder
from dataset_builder.source.files.addresses import is_url, without_secrets
from dataset_builder.source.files.catalogue import CatalogueFile, Content, read_content
from dataset_builder.source.parts import CleanedBlock, ranges, read_part
from dataset_builder.workers.in_order import InOrder
from titlecraft.errors import UserError
from titlecraft.records import Code, current_code
from titlecraft.settings import Data

T = TypeVar("T")
R = TypeVar("R")
BUFFER = 16 << 20  # bytes of results that a worker collects into one block


@dataclass(frozen=True)
class Step:
    """A task with its function, the code version it needs, and the storage of its files."""

    function: Callable[[Any], Any]
    task: Any
    code: Code
    storage: MountedFolder | RemoteFolder


@dataclass(frozen=True)
class Failure:
    """An error of a task, which the parent process raises again."""

    error: Exception


@contextmanager
def ray_engine(work: Path, work_storage: str | None) -> Iterator[Engine]:
    """Yield an engine on the running Ray (RAY_ADDRESS, or a cluster of this machine), or on one that ends with the context.

    Raises UserError if Ray is not installed or not reachable, or if several nodes have no shared work storage.
    """
    ray = import_ray()
    was_initialized = ray.is_initialized()
    try:
        if not was_initialized:
            start(ray)
        nodes = sum(node["Alive"] for node in ray.nodes())
        if nodes > 1 and work_storage is None:
            raise UserError(
                f"the Ray cluster has {nodes} nodes: --work must name a folder that all of them mount at the "
                "same path, or a URL that all of them can write to"
            )
        url = work_storage if work_storage is not None and is_url(work_storage) else None
        storage = RemoteFolder(work, f"{url.rstrip('/')}/{work.name}") if url else MountedFolder(work)
        storage.prepare()
        try:
            run = partial(run_on_ray, ray, storage)
            yield Engine(run, partial(read_on_ray, run), partial(hash_on_ray, run))
        finally:
            storage.clear()
    finally:
        if not was_initialized:
            ray.shutdown()


def import_ray() -> ModuleType:
    """Return the package `ray`, with usage reports and log messages disabled."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise UserError(
            f"--engine ray needs Ray, which is not installed ({error}): pip install 'titlecraft[ray]'"
        ) from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    return ray


def start(ray: ModuleType) -> None:
    """Connect to a cluster, or start Ray on this machine. Raise UserError if that fails."""
    address = os.environ.get("RAY_ADDRESS", "")
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdigit() and not is_url(address):
            socket.create_connection((host, int(port)), timeout=10).close()  # Ray itself would try for two minutes
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        problem = f"at RAY_ADDRESS={address} cannot be reached" if address else "cannot be started on this machine"
        raise UserError(f"Ray {problem}: {' '.join(str(error).split())}") from error


def read_on_ray(run: InOrder, files: list[CatalogueFile], settings: Data, work: Path) -> Iterator[CleanedBlock]:
    """Read the files on the workers, several at a time; uncompressed files in ranges of bytes."""
    blocks: Any = run(read_part, ranges(files, settings, work))  # run_on_ray yields each item of a generator function
    return blocks


def hash_on_ray(run: InOrder, files: list[CatalogueFile]) -> Callable[[], list[Content]]:
    """Hash the files on the workers, several at a time, before any other task."""
    contents = list(run(read_content, files))
    return lambda: contents


def run_on_ray(
    ray: ModuleType, storage: MountedFolder | RemoteFolder, function: Callable[[T], R], tasks: Iterable[T]
) -> Iterator[R]:
    """Apply a function to all tasks on the cluster and yield the results in order; a generator function may yield several."""
    tasks = list(tasks)
    storage.send(tasks)
    code = current_code("dataset_builder", *PACKAGES)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.target_max_block_size = BUFFER
    steps = [{"step": pickle.dumps(Step(function, task, code, storage))} for task in tasks]
    try:
        rows = ray.data.from_items(steps, override_num_blocks=len(steps)).flat_map(on_worker).iter_rows()
        for row in rows:
            result, output_files = pickle.loads(row["result"])
            if isinstance(result, Failure):
                raise result.error
            if function is not read_part:
                storage.fetch(output_files)
            yield result
    except ray.exceptions.RayError as error:
        message = without_secrets(str(error).strip().splitlines()[-1])
        raise UserError(f"Ray gave up ({type(error).__name__}: {message}); nothing was published") from error


def on_worker(row: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Run one step on a worker; yield each result with the names of its output files, pickled."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    step: Step = pickle.loads(row["step"])
    try:
        require_same_code(step.code)
        for result in step.storage.run(step.function, step.task):
            yield {"result": pickle.dumps(result)}
    except (UserError, OSError) as error:
        yield {"result": pickle.dumps((Failure(error), []))}


def require_same_code(code: Code) -> None:
    """Raise UserError if this worker's code differs from the code of the parent process, which the record names."""
    worker_code = code_here()
    if worker_code != code:
        names = [name for name in Code.__struct_fields__ if getattr(worker_code, name) != getattr(code, name)]
        raise UserError(
            f"Ray's worker on {socket.gethostname()} has another {' and '.join(names)} than this process: "
            "install the same Python, titlecraft and packages on every node"
        )


@lru_cache(maxsize=1)
def code_here() -> Code:
    """Return the code version of this process."""
    return current_code("dataset_builder", *PACKAGES)
