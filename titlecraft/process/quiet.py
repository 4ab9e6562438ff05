"""Progress bars and notices of libraries are hidden unless they concern a long transfer or an error."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from titlecraft.process import distributed
from titlecraft.process.left_out import leave_out_unused
from titlecraft.process.log_lines import progress_in_log_lines

WORTH_A_BAR = 50_000_000  # bytes; a smaller transfer is over before it can be read


def quiet_libraries() -> None:
    """Set the log levels of libraries before they are imported, and leave out what they would import for nothing."""
    leave_out_unused()
    progress_in_log_lines()
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    # where JAX is installed, a library may start it, and it would reserve three quarters of the GPU's memory
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    logging.getLogger("bitsandbytes").setLevel(logging.CRITICAL)
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)
    # Only rank 0 prints; errors on stderr are printed by every rank.
    if not distributed.is_rank0():
        os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
        sys.stdout = Path(os.devnull).open("w")  # noqa: SIM115 (for as long as the process lives)


@contextmanager
def transfer_bars(size: int) -> Iterator[None]:
    """Show the Hub client's progress bars only for transfers of at least WORTH_A_BAR bytes."""
    from huggingface_hub import utils

    with nullcontext() if size >= WORTH_A_BAR else without_bars(utils):
        yield


@contextmanager
def without_datasets_bars() -> Iterator[None]:
    """Disable the progress bars of `datasets` within the context."""
    from datasets import utils

    with without_bars(utils):
        yield


@contextmanager
def without_bars(library: Any) -> Iterator[None]:
    """Disable a library's progress bars within the context; bars that were disabled before stay so.

    Args:
        library: the module `utils` of huggingface_hub or of datasets, which have the same functions.
    """
    if library.are_progress_bars_disabled():
        yield
        return
    library.disable_progress_bars()
    try:
        yield
    finally:
        library.enable_progress_bars()
