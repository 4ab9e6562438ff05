"""The same tasks on Ray Data, on a cluster or on a Ray of this machine.

Tasks are a data set of Ray's, a block for each; their results stream back in the order of the tasks, and Ray holds back
workers that are too far ahead. The files of the catalogue are such tasks too: workers read them, not this process.
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
from dataset_builder.source.addresses import is_url, without_secrets
from dataset_builder.source.catalogue import CatalogueFile, Content, read_content
from dataset_builder.source.parts import FoundBlock, ranges, read_part
from dataset_builder.workers.in_order import InOrder
from titlecraft.errors import UserError
from titlecraft.records import Code, current_code
from titlecraft.settings import Data

T = TypeVar("T")
R = TypeVar("R")
BUFFER = 16 << 20  # bytes of results that a worker gathers before it hands them on


@dataclass(frozen=True)
class Step:
    """A task with its function, the code that it belongs to, and where its files lie."""

    function: Callable[[Any], Any]
    task: Any
    code: Code
    place: MountedFolder | RemoteFolder


@dataclass(frozen=True)
class Failure:
    """A user's mistake or a misfortune that a task met, to be raised where the user sees it."""

    error: Exception


@contextmanager
def ray_engine(work: Path, place: str | None) -> Iterator[Engine]:
    """Ray as it is set up (RAY_ADDRESS, or a cluster of this machine), or else one of its own, which ends with this block.

    Raises UserError where Ray is not installed or not reached, or where several nodes have no shared place to work in.
    """
    ray = import_ray()
    was_there = ray.is_initialized()
    try:
        if not was_there:
            start(ray)
        nodes = sum(node["Alive"] for node in ray.nodes())
        if nodes > 1 and place is None:
            raise UserError(
                f"the Ray cluster has {nodes} nodes: --work must name a folder that all of them mount at the "
                "same path, or a URL that all of them can write to"
            )
        remote = place if place is not None and is_url(place) else None
        shared = RemoteFolder(work, f"{remote.rstrip('/')}/{work.name}") if remote else MountedFolder(work)
        shared.prepare()
        try:
            run = partial(run_on_ray, ray, shared)
            yield Engine(run, partial(read_on_ray, run), partial(hash_on_ray, run))
        finally:
            shared.clear()
    finally:
        if not was_there:
            ray.shutdown()


def import_ray() -> ModuleType:
    """The package, with its usage reports and its chatter off."""
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
    """Connect to a cluster, or start Ray on this machine. Raises UserError where that fails."""
    address = os.environ.get("RAY_ADDRESS", "")
    host, _, port = address.rpartition(":")
    try:
        if host and port.isdigit() and not is_url(address):
            socket.create_connection((host, int(port)), timeout=10).close()  # Ray itself would try for two minutes
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except (OSError, RuntimeError, ValueError) as error:
        where = f"at RAY_ADDRESS={address} cannot be reached" if address else "cannot be started on this machine"
        raise UserError(f"Ray {where}: {' '.join(str(error).split())}") from error


def read_on_ray(run: InOrder, files: list[CatalogueFile], settings: Data, work: Path) -> Iterator[FoundBlock]:
    """Let the workers read the files, several at a time, plain ones in ranges."""
    found: Any = run(read_part, ranges(files, settings, work))  # run_on_ray yields what a generator yields
    return found


def hash_on_ray(run: InOrder, files: list[CatalogueFile]) -> Callable[[], list[Content]]:
    """Let the workers hash the files, several at a time, before they begin with the rest."""
    contents = list(run(read_content, files))
    return lambda: contents


def run_on_ray(
    ray: ModuleType, shared: MountedFolder | RemoteFolder, function: Callable[[T], R], tasks: Iterable[T]
) -> Iterator[R]:
    """Apply a function to all tasks on the cluster and yield the results in order (of a generator, all that it yields)."""
    tasks = list(tasks)
    shared.send(tasks)
    code = current_code("dataset_builder", *PACKAGES)
    context = ray.data.DataContext.get_current()
    context.execution_options.preserve_order = True
    context.enable_progress_bars = False
    context.target_max_block_size = BUFFER
    steps = [{"step": pickle.dumps(Step(function, task, code, shared))} for task in tasks]
    try:
        rows = ray.data.from_items(steps, override_num_blocks=len(steps)).flat_map(on_worker).iter_rows()
        for row in rows:
            result, left = pickle.loads(row["result"])
            if isinstance(result, Failure):
                raise result.error
            if function is not read_part:
                shared.fetch(left)
            yield result
    except ray.exceptions.RayError as error:
        said = without_secrets(str(error).strip().splitlines()[-1])
        raise UserError(f"Ray gave up ({type(error).__name__}: {said}); nothing was published") from error


def on_worker(row: dict[str, bytes]) -> Iterator[dict[str, bytes]]:
    """Do one step; each result and the names of the files that it left, pickled."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    step: Step = pickle.loads(row["step"])
    try:
        require_same_code(step.code)
        for result in step.place.run(step.function, step.task):
            yield {"result": pickle.dumps(result)}
    except (UserError, OSError) as error:
        yield {"result": pickle.dumps((Failure(error), []))}


def require_same_code(code: Code) -> None:
    """Raises UserError where this worker would compute with other code than the record will say."""
    ours = code_here()
    if ours != code:
        names = [name for name in Code.__struct_fields__ if getattr(ours, name) != getattr(code, name)]
        raise UserError(
            f"Ray's worker on {socket.gethostname()} has another {' and '.join(names)} than this process: "
            "install the same Python, titlecraft and packages on every node"
        )


@lru_cache(maxsize=1)
def code_here() -> Code:
    """The code of this process."""
    return current_code("dataset_builder", *PACKAGES)
