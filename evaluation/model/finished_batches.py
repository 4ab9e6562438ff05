"""Checkpoints of an evaluation: each finished batch of answers is a file, written atomically.

A file is named by a digest of everything that its answers depend on: the evaluation's key (adapter, base, dataset, recipe,
code), the machine, the arm, and the token ids of the whole batch, since neighbours change the last digits of a sum. Outdated
files need no check, because another request has another name.
"""

import hashlib
import platform
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import torch

from titlecraft.files import write_atomically
from titlecraft.models.adapter.load import Loaded
from titlecraft.models.base.model import device_name
from titlecraft.records import digest

T = TypeVar("T")
UNFINISHED = "unfinished"
SUM = hashlib.sha256().digest_size


class FinishedBatches:
    """Computes each batch once across all runs with the same folder, and then reads it from its file.

    Args:
        folder: folder of the files, which only one process may use. None stores nothing.
        run: what all batches of the run depend on.
    """

    def __init__(self, folder: Path | None, run: dict[str, Any]) -> None:
        self.folder = folder
        self.run = run
        self.found: Counter[str] = Counter()
        self.computed: Counter[str] = Counter()
        if folder is not None:
            shutil.rmtree(folder / UNFINISHED, ignore_errors=True)
            (folder / UNFINISHED).mkdir(parents=True)

    def __len__(self) -> int:
        """Number of finished batches."""
        return 0 if self.folder is None else sum(file.is_file() for file in self.folder.iterdir())

    def answers(self, activity: str, arm: str, request: Any, compute: Callable[[], T]) -> T:
        """The result of `compute` (numbers or lists of numbers), read from its file or computed and written.

        `activity` is the kind of batch; `request` holds what its answers depend on besides the run and the arm.
        """
        if self.folder is None:
            return compute()
        name = digest({"run": self.run, "doing": activity, "arm": arm, "asked": request})
        file = self.folder / f"{activity}-{arm}-{name}"
        if (raw := load_if_complete(file)) is not None:
            self.found[activity] += 1
            return msgspec.msgpack.decode(raw)
        answers = compute()
        self.computed[activity] += 1
        raw = msgspec.msgpack.encode(answers)  # lossless for floats and NaN
        write_atomically(file, hashlib.sha256(raw).digest() + raw, self.folder / UNFINISHED, sync_name=False)
        return answers

    def summary(self) -> str:
        """Numbers of batches found and computed, by kind of batch."""
        kinds = [*self.found, *(kind for kind in self.computed if kind not in self.found)]
        return ", ".join(f"{kind} {self.found[kind]} found and {self.computed[kind]} computed" for kind in kinds)


def load_if_complete(file: Path) -> bytes | None:
    """A file's content after its sha256; None if the file is missing or incomplete."""
    raw = file.read_bytes() if file.is_file() else b""
    return raw[SUM:] if hashlib.sha256(raw[SUM:]).digest() == raw[:SUM] else None


def machine_of(loaded: Loaded) -> dict[str, Any]:
    """What changes the rounding of sums and is not in the evaluation's key: device, threads, precision."""
    return {
        "device": device_name(),
        "processor": platform.machine(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "quantization": loaded.base.quantization,
        "precision": loaded.base.precision,
        "compiled": loaded.compiles,
    }
