"""python benchmarks/training_attempts.py [--profile | --profile-trainer]      on a machine with a GPU of 141 GB (an H200)

Measures attempts to make a training step faster, each against the same step without it: forward and backward pass of 8 packed
rows of 2,048 tokens through an NF4 base of 8B with LoRA, without trainer and optimizer. Prints a line for each;
benchmarks/README.md has predictions and outcomes.
"""

import sys
import time
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))


def batches(count: int, rows: int = 8) -> list[dict[str, Any]]:
    """Return packed batches on the GPU."""
    import numpy as np

    from benchmarks.training_speed import encoded
    from training.data.packing import flatten_rows, packed_dataset

    dataset = encoded(8000)
    packed = packed_dataset(dataset, np.array([len(ids) for ids in dataset["input_ids"]]), 2048, 0).shuffle(seed=0)
    move = lambda batch: {name: one.cuda() if hasattr(one, "cuda") else one for name, one in batch.items()}  # noqa: E731
    return [move(flatten_rows([packed[rows * number + index] for index in range(rows)])) for number in range(count)]


def step(model: Any, batch: dict[str, Any]) -> float:
    """Run one forward and backward pass; return the loss."""
    import torch

    with torch.autocast("cuda", torch.bfloat16):
        loss = model(**batch, use_cache=False).loss
    loss.backward()
    model.zero_grad(set_to_none=True)
    return float(loss.detach())


def look(name: str, model: Any, given: list[dict[str, Any]], profile: bool = False) -> None:
    """Time the step on these batches, and print the result."""
    import torch

    model.train()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    try:
        seconds, tokens = [], []
        for batch in given:
            torch.cuda.synchronize()
            started = time.perf_counter()
            loss = step(model, batch)
            torch.cuda.synchronize()
            seconds.append(time.perf_counter() - started)
            tokens.append(batch["input_ids"].numel())
        middle = median(second / token for second, token in zip(seconds[2:], tokens[2:], strict=True))
        print(
            f"{name:<58}{1 / middle:9,.0f} tokens/s {1000 * median(seconds[2:]):8.0f} ms "
            f"{torch.cuda.max_memory_allocated() / 1e9:7.1f} GB  loss {loss:.4f}  first {seconds[0]:.1f} s",
            flush=True,
        )
        if profile:
            show_profile(model, given[0])
    except Exception as error:  # the next attempt is independent of this one
        print(f"{name:<58} failed: {type(error).__name__}: {str(error)[:300]}", flush=True)
        model.zero_grad(set_to_none=True)


def show_profile(model: Any, batch: dict[str, Any]) -> None:
    """Print the kernels that take most of a step."""
    import torch
    from torch.profiler import ProfilerActivity

    with torch.profiler.profile(activities=[ProfilerActivity.CUDA]) as found:
        step(model, batch)
        torch.cuda.synchronize()
    print(found.key_averages().table(sort_by="self_cuda_time_total", row_limit=24, max_name_column_width=80)[:7000])


def profile_trainer() -> None:
    """Profile two steps of the trainer, as in benchmarks/training_speed.py: kernels, idle time of the GPU, and its causes."""
    import torch
    from torch.profiler import ProfilerActivity
    from transformers import TrainerCallback

    from benchmarks.training_speed import BASE, fast
    from benchmarks.world.random_8b import write_base

    write_base(BASE)
    looking = torch.profiler.profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA], record_shapes=True)
    began: list[float] = []

    class Look(TrainerCallback):
        """Steps 6 and 7."""

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            torch.cuda.synchronize()
            if state.global_step == 5:
                looking.start()
                began.append(time.perf_counter())
            if state.global_step == 7:
                began.append(time.perf_counter())
                looking.stop()

    found = fast(8, callbacks=(Look(),))
    averages = looking.key_averages(group_by_input_shape=True)
    kernels = sum(one.self_device_time_total for one in averages if one.device_type.name == "CUDA") / 1000
    print(
        f"two steps {1000 * (began[1] - began[0]):.0f} ms with the profiler, of which kernels {kernels:.0f} ms; {found}"
    )
    for order in ("self_cuda_time_total", "self_cpu_time_total"):
        print(averages.table(sort_by=order, row_limit=40, max_name_column_width=60, max_shapes_column_width=60))


def keep_unpacked(model: Any) -> None:
    """Dequantise the 4-bit base once, into bfloat16 weights with exactly its values."""
    import torch

    from titlecraft.models.base.four_bit import frozen_weight

    for layer in list(model.modules()):
        base = getattr(layer, "base_layer", None)
        if base is not None and getattr(base.weight, "quant_state", None) is not None:
            plain = torch.nn.Linear(base.in_features, base.out_features, bias=False, device="meta")
            plain.weight = torch.nn.Parameter(frozen_weight(base, torch.bfloat16), requires_grad=False)
            layer.base_layer = plain


def set_dropout(model: Any, p: float) -> None:
    """Set the dropout of all adapters."""
    for layer in model.modules():
        for one in getattr(layer, "lora_dropout", {}).values():
            one.p = p


def main() -> None:
    """Measure the plain step, then one change at a time."""
    if "--profile-trainer" in sys.argv:
        return profile_trainer()
    import torch

    from benchmarks.training_speed import BASE, FAST, settings
    from benchmarks.world.random_8b import load_in_four_bit, write_base
    from titlecraft.models.attention import document
    from titlecraft.records import Pin
    from titlecraft.settings import Lora
    from training.model.build import add_adapter
    from training.model.fused_lora import fuse_lora, unfuse_lora
    from training.model.kernels import apply_kernels

    write_base(BASE)
    torch.manual_seed(0)
    pin = Pin(type="model", repo="ns/random-8b", revision="0" * 40)
    model = add_adapter(load_in_four_bit(BASE), pin, Lora(), settings(1, **FAST))
    given, small = batches(8), batches(8, rows=4)
    apply_kernels(model, settings(1, **FAST))
    unfuse_lora(model)
    look("Liger's layer kernels, adapters as PEFT has them", model, given[:6])
    fuse_lora(model)
    look("+ adapters fused, dropout 0.05", model, given, profile="--profile" in sys.argv)

    with patch.object(document, "varlen_groups", lambda: False):
        look("keys copied for each query head", model, given[:6])
    set_dropout(model, 0.0)
    look("without dropout", model, given[:6])
    set_dropout(model, 0.05)
    look("4 rows", model, small[:6])
    keep_unpacked(model)
    look("base kept unpacked in bfloat16", model, given[:6])


if __name__ == "__main__":
    main()
