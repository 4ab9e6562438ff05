"""What an interrupted evaluation had finished: the answers of each batch in a file of its own, written whole or not at all.

A file is named by a digest of everything that its answers depend on: the evaluation's key (adapter, base, dataset, recipe,
code), the machine, the arm, and the token ids that were asked, all those of the batch, since neighbours change the last digits
of a sum. So nothing needs to be judged as too old: what was asked otherwise is not found.
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
    """Computes each batch once, over all runs that were given the same folder.

    Args:
        folder: where the files lie; only one process may have it. None keeps nothing.
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
        """How many files there are."""
        return 0 if self.folder is None else sum(file.is_file() for file in self.folder.iterdir())

    def answers(self, doing: str, arm: str, asked: Any, compute: Callable[[], T]) -> T:
        """What `compute` gives, numbers or lists of them: found where it was computed before, else computed and kept.

        `doing` is the kind of batch; `asked` has all that this batch's answers depend on besides the run and the arm.
        """
        if self.folder is None:
            return compute()
        name = digest({"run": self.run, "doing": doing, "arm": arm, "asked": asked})
        file = self.folder / f"{doing}-{arm}-{name}"
        if (raw := whole(file)) is not None:
            self.found[doing] += 1
            return msgspec.msgpack.decode(raw)
        answers = compute()
        self.computed[doing] += 1
        raw = msgspec.msgpack.encode(answers)  # keeps every bit of a float, and NaN
        write_atomically(file, hashlib.sha256(raw).digest() + raw, self.folder / UNFINISHED, sync_name=False)
        return answers

    def summary(self) -> str:
        """What was found and what was computed, by kind of batch."""
        kinds = [*self.found, *(kind for kind in self.computed if kind not in self.found)]
        return ", ".join(f"{kind} {self.found[kind]} found and {self.computed[kind]} computed" for kind in kinds)


def whole(file: Path) -> bytes | None:
    """What a file holds behind its sha256; None where there is no file, or a power cut took a part of it."""
    raw = file.read_bytes() if file.is_file() else b""
    return raw[SUM:] if hashlib.sha256(raw[SUM:]).digest() == raw[:SUM] else None


def machine_of(loaded: Loaded) -> dict[str, Any]:
    """What else than the evaluation's key may change the last digits: where, and with how many threads, sums are taken."""
    return {
        "device": device_name(),
        "processor": platform.machine(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
        "quantization": loaded.base.quantization,
        "precision": loaded.base.precision,
        "compiled": loaded.compiles,
    }
