"""python benchmarks/training_speed.py [--only PART …]      on a machine with a GPU of 141 GB (an H200)

Compares training by the fast path with the notebook's code (Unsloth, batch 2 x 4) and Unsloth's packing, at the size of Llama 3
8B, each in its own process, one after another; and with the upper bound by the GPU's matrix products. Writes
benchmarks/results/training.json; about 8 minutes. Needs the extra `gpu`.

Rows and tokens per second are over all optimizer steps after the first quarter; step_seconds is their median. Padding is not
counted.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.bars import bar, print_bars, write_results  # noqa: E402
from benchmarks.world.step_clock import StepClock  # noqa: E402
from benchmarks.world.unsloth_training import unsloth  # noqa: E402

RESULTS = HERE / "results" / "training.json"
BASE = Path(os.environ.get("TITLECRAFT_RANDOM_8B", "/tmp/titlecraft-random-8b"))
FLOP_PER_PARAMETER = 4  # forward, and back to the inputs: frozen weights have no gradient
SEED = {"batch_size": 2, "accumulation": 4, "gradient_checkpointing": True}
FAST = {
    "batch_size": 8,
    "accumulation": 1,
    "gradient_checkpointing": False,
    "packing": True,
    "fused_kernels": True,
    "optimizer": "adamw_torch_fused",
}


def settings(steps: int, **changed: Any) -> Any:
    """Return a recipe's training section with a small number of steps."""
    from titlecraft.settings import Training

    return Training(**({"backend": "trl", "max_steps": steps, "logging_steps": 1} | changed))


def timed(model: Any, loaded: Any, dataset: Any, training: Any, callbacks: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Train with the project's trainer and time the steps."""
    import torch

    from training.trainer import make_trainer, run_all_steps

    trainer = make_trainer(model, loaded.tokenizer, dataset, training, "bfloat16", Path("/tmp/titlecraft-trainer"))
    clock = StepClock(trainer.seen)
    for callback in (clock.callback, *callbacks):
        trainer.add_callback(callback)
    torch.cuda.reset_peak_memory_stats()
    run_all_steps(trainer)
    peak = torch.cuda.max_memory_allocated() / 1e9
    losses = [round(float(entry["loss"]), 3) for entry in trainer.state.log_history if "loss" in entry]
    return clock.rates() | {"peak_gb": round(peak, 1), "losses": [losses[0], losses[-1]]}


def encoded(count: int) -> Any:
    """Return random rows as a dataset."""
    from datasets import Dataset

    from benchmarks.world.random_8b import rows

    return Dataset.from_dict(rows(count))


def fast(steps: int = 16, callbacks: tuple[Any, ...] = (), **changed: Any) -> dict[str, Any]:
    """Train by the fast path: TRL and PEFT, packed rows, attention within documents, fused kernels, dropout 0.05."""
    import numpy as np
    from transformers import set_seed

    from benchmarks.world.random_8b import load_in_four_bit
    from titlecraft.records import Pin
    from titlecraft.settings import Lora
    from training.checks import check_packing
    from training.data.packing import packed_dataset
    from training.model.build import add_adapter
    from training.model.kernels import apply_kernels

    training = settings(steps, **(FAST | changed))
    set_seed(training.seed)
    loaded = load_in_four_bit(BASE)
    model = add_adapter(loaded, Pin(type="model", repo="ns/random-8b", revision="0" * 40), Lora(), training)
    attention, fused = apply_kernels(model, training)
    dataset = encoded(8000)
    lengths = np.array([len(ids) for ids in dataset["input_ids"]])
    dataset = packed_dataset(dataset, lengths, 2048, training.seed)
    packing = [{"name": one.name, "found": one.found, "holds": one.holds} for one in check_packing(model, dataset)]
    trained = sum(one.numel() for one in model.parameters() if one.requires_grad)
    said = {"attention": attention, "fused_kernels": fused, "checks": packing, "trainable_parameters": trained}
    return timed(model, loaded, dataset, training, callbacks) | said


def ceiling() -> dict[str, Any]:
    """Measure the GPU's bfloat16 matrix product on random numbers, with the shape of an 8B model's largest layer."""
    import torch

    tokens = torch.randn(16_384, 4096, device="cuda", dtype=torch.bfloat16)
    weight = torch.randn(4096, 14_336, device="cuda", dtype=torch.bfloat16)
    seconds = []
    for _ in range(60):
        torch.cuda.synchronize()
        started = time.perf_counter()
        for _ in range(10):
            tokens @ weight
        torch.cuda.synchronize()
        seconds.append((time.perf_counter() - started) / 10)
    return {"tflops": round(2 * 16_384 * 4096 * 14_336 / median(seconds[10:]) / 1e12, 1)}


def right() -> dict[str, Any]:
    """Return the result of fused_layers.py."""
    from benchmarks.world.fused_layers import right as found

    return found()


PARTS = {
    "right": right,
    "ceiling": ceiling,
    "fast": fast,
    "unsloth_seed": lambda: unsloth(BASE, packed=False),
    "unsloth_packed": lambda: unsloth(BASE, packed=True),
}
OTHERS = {
    "fast_4x2": lambda: fast(batch_size=4, accumulation=2),
    "plain_packed": lambda: fast(steps=8, fused_kernels=False, gradient_checkpointing=True),
}


def run_part(part: str) -> dict[str, Any]:
    """Run one part in its own process; return the result in its last line of output."""
    import torch

    started = time.monotonic()
    done = subprocess.run([sys.executable, __file__, "--part", part], stdout=subprocess.PIPE, text=True)
    if done.returncode:
        print(done.stdout[-3000:])
        return {"failed": done.returncode}
    found = json.loads(done.stdout.splitlines()[-1]) | {"gpu": torch.cuda.get_device_name()}
    print(f"{part:<16}{time.monotonic() - started:6.0f} s  {json.dumps(found)}", flush=True)
    return found


def judge(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the bars of the issue."""
    from benchmarks.world.random_8b import PARAMETERS

    ours, seed, packed = (found[name] for name in ("fast", "unsloth_seed", "unsloth_packed"))
    top = found["ceiling"]["tflops"] * 1e12 / (FLOP_PER_PARAMETER * PARAMETERS)  # tokens a second
    bars = [
        ("x_unsloth_seed", ours["rows_per_second"] / seed["rows_per_second"], 14, "times the rows a second"),
        ("x_unsloth_packed", ours["rows_per_second"] / packed["rows_per_second"], 4, "times the rows a second"),
        ("share_of_ceiling", ours["tokens_per_second"] / top, 0.58, "share of the matmul ceiling"),
    ]
    return [bar(name, value, limit, unit, larger=True) for name, value, limit, unit in bars]


def main() -> None:
    """Run every part, print the bars, and write the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument(
        "--only", nargs="+", choices=[*PARTS, *OTHERS], default=list(PARTS), help="print, and write nothing"
    )
    options.add_argument("--out", type=Path, default=RESULTS)
    options.add_argument("--part", help=argparse.SUPPRESS)
    asked = options.parse_args()
    if asked.part:
        print("\n" + json.dumps((PARTS | OTHERS)[asked.part]()))
        return
    from benchmarks.world.random_8b import PARAMETERS, write_base

    write_base(BASE)
    found = {part: run_part(part) for part in asked.only}
    if asked.only != list(PARTS):
        return
    rates = [
        {"gpu": found[part]["gpu"], "tokens_per_second": found[part]["tokens_per_second"], "parameters": PARAMETERS}
        | {"backend": backend, "packing": False, "fused_kernels": False}
        | how
        for part, backend, how in (("fast", "trl", FAST), ("unsloth_seed", "unsloth", SEED))
    ]
    result = {"bars": judge(found), "rates": rates, "measured": found}
    write_results(asked.out, result)
    print_bars(result["bars"])


if __name__ == "__main__":
    main()
