"""Whether the backend that a recipe names can run here. Nothing in this file imports transformers, TRL or PEFT."""

import os
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.process import distributed
from titlecraft.settings import Lora, Training
from training.adapter_settings import adapter_fault
from training.lost_settings import fault

GPU_EXTRA = 'pip install "titlecraft[gpu]"'


def require_backend(settings: Training, lora: Lora | None = None) -> None:
    """Import the backend. Raises UserError if it cannot run here; nothing has been downloaded then.

    Unsloth patches transformers, TRL and PEFT, so it has to be imported before them. Its import raises NotImplementedError
    on a machine without a GPU. By default it downloads a file for each model that it loads, to count usage, and writes
    generated code into the current folder; the two variables switch that off.
    """
    if message := processes_fault(settings, distributed.world_size(), lora):
        raise UserError(message)
    if settings.backend != "unsloth":
        return
    import torch
    from huggingface_hub import constants

    os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
    os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", str(Path(constants.HF_HOME) / "titlecraft" / "unsloth_compiled"))

    if not torch.cuda.is_available():
        raise UserError(
            "training.backend unsloth needs a CUDA GPU and there is none: use --training.backend=trl, which runs everywhere"
        )
    try:
        import unsloth  # noqa: F401  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise UserError(
            f"training.backend unsloth: {error}; install it with {GPU_EXTRA}, or use --training.backend=trl"
        ) from error


def processes_fault(settings: Training, processes: int, lora: Lora | None = None) -> str | None:
    """The reason why this number of processes, one per GPU, cannot train with these settings; None if they can."""
    if settings.backend == "unsloth" and processes > 1:
        return "training.backend unsloth is for one GPU: use --training.backend=trl with several processes"
    if message := fault(settings) or adapter_fault(lora or Lora(), settings, processes):
        return message
    if settings.shard_base and processes == 1:
        return (
            "training.shard_base shares the base out between processes, one for each GPU, and there is one: start several with "
            "torchrun, or set --training.shard_base=false"
        )
    return None
