"""python benchmarks/training_speed.py [--only PART …]      on a machine with a GPU of 141 GB (an H200)

Training by the fast path beside the notebook's way (Unsloth, batch 2 x 4) and Unsloth's own packing, at the size of Llama 3
8B, each in a process of its own, one after another; and the ceiling that the card's matrix product sets. Writes
benchmarks/results/training.json; about 8 minutes. Needs the extra `gpu`.

Rows and tokens a second are those of all optimizer steps after the first quarter, over the time these took; step_seconds is
their median. Padding is not counted.
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


class Clock:
    """A trainer callback: the time at the end of each step, and what had been seen by then."""

    def __init__(self, seen: dict[str, Any]) -> None:
        from transformers import TrainerCallback

        clock = self
        self.ends: list[tuple[float, int, int]] = []

        class Ends(TrainerCallback):
            """Waits for the GPU, then looks."""

            def on_step_end(self, *args: Any, **kwargs: Any) -> None:
                import torch

                torch.cuda.synchronize()
                clock.ends.append((time.perf_counter(), int(seen["examples"]), int(seen["tokens"])))

        self.callback = Ends()

    def rates(self) -> dict[str, float]:
        """Rates over the steps after the first quarter, and the median step."""
        first = max(3, len(self.ends) // 4)
        steps = [
            (after[0] - before[0], after[1] - before[1], after[2] - before[2])
            for before, after in zip(self.ends[first - 1 :], self.ends[first:], strict=False)
        ]
        seconds = sum(step[0] for step in steps)
        return {
            "step_seconds": round(median(step[0] for step in steps), 4),
            "rows_per_second": round(sum(step[1] for step in steps) / seconds, 3),
            "tokens_per_second": round(sum(step[2] for step in steps) / seconds, 1),
            "steps": len(steps),
        }


def settings(steps: int, **changed: Any) -> Any:
    """A recipe's training section, with no more steps than are needed."""
    from titlecraft.settings import Training

    return Training(**({"backend": "trl", "max_steps": steps, "logging_steps": 1} | changed))


def timed(model: Any, loaded: Any, dataset: Any, training: Any, callbacks: tuple[Any, ...] = ()) -> dict[str, Any]:
    """Train through the project's own trainer and look at the clock."""
    import torch

    from training.trainer import make_trainer, run_all_steps

    trainer = make_trainer(model, loaded.tokenizer, dataset, training, "bfloat16", Path("/tmp/titlecraft-trainer"))
    clock = Clock(trainer.seen)
    for callback in (clock.callback, *callbacks):
        trainer.add_callback(callback)
    torch.cuda.reset_peak_memory_stats()
    run_all_steps(trainer)
    peak = torch.cuda.max_memory_allocated() / 1e9
    losses = [round(float(entry["loss"]), 3) for entry in trainer.state.log_history if "loss" in entry]
    return clock.rates() | {"peak_gb": round(peak, 1), "losses": [losses[0], losses[-1]]}


def encoded(count: int) -> Any:
    """Random rows as a dataset."""
    from datasets import Dataset

    from benchmarks.world.random_8b import rows

    return Dataset.from_dict(rows(count))


def fast(steps: int = 16, callbacks: tuple[Any, ...] = (), **changed: Any) -> dict[str, Any]:
    """Ours: TRL and PEFT, packed rows, attention within documents, fused kernels, dropout 0.05."""
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


def unsloth(packed: bool) -> dict[str, Any]:
    """Unsloth's model in TRL's own SFTTrainer, as its notebooks run it: the seed recipe's batches, or packed.

    Packed: 8 rows of 2,048 tokens, no checkpointing, and no dropout, which Unsloth has no fast path for.
    """
    from unsloth import FastLanguageModel  # before transformers  # pyright: ignore[reportMissingImports]
    import torch  # isort: skip

    model, tokenizer = FastLanguageModel.from_pretrained(
        str(BASE), max_seq_length=2048, dtype=torch.bfloat16, load_in_4bit=True, trust_remote_code=False
    )
    model = FastLanguageModel.get_peft_model(
        model,
        r=16,
        lora_alpha=32,
        lora_dropout=0.0 if packed else 0.05,
        bias="none",
        random_state=3407,
        use_gradient_checkpointing=False if packed else "unsloth",
        target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
    )
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from benchmarks.world.random_8b import rows

    found = rows(8000 if packed else 800)
    mask = [[int(label != -100) for label in labels] for labels in found["labels"]]
    seen = {"examples": 0, "tokens": 0}

    class Counting(SFTTrainer):
        """Counts what passes; EOS (1) ends each row and stands nowhere else, 2 is padding."""

        def compute_loss(self, model: Any, inputs: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
            seen["examples"] += int((inputs["input_ids"] == 1).sum())
            seen["tokens"] += int((inputs["input_ids"] != 2).sum())
            return super().compute_loss(model, inputs, *args, **kwargs)

    clock = Clock(seen)
    trainer = Counting(
        model=model,
        processing_class=tokenizer,
        callbacks=[clock.callback],
        train_dataset=Dataset.from_dict({"input_ids": found["input_ids"], "completion_mask": mask}),
        args=SFTConfig(
            output_dir="/tmp/titlecraft-trainer",
            per_device_train_batch_size=8 if packed else 2,
            gradient_accumulation_steps=1 if packed else 4,
            max_steps=11,
            learning_rate=2e-4,
            warmup_steps=5,
            bf16=True,
            logging_steps=1,
            optim="adamw_8bit",
            weight_decay=0.01,
            report_to="none",
            save_strategy="no",
            max_length=2048,
            packing=packed,
            gradient_checkpointing=False,
        ),
    )
    torch.cuda.reset_peak_memory_stats()
    trainer.train()
    return clock.rates() | {"peak_gb": round(torch.cuda.max_memory_allocated() / 1e9, 1)}


def ceiling() -> dict[str, Any]:
    """The card's bfloat16 matrix product on random numbers, of the shape of an 8B model's largest layer."""
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
    """What fused_layers.py finds."""
    from benchmarks.world.fused_layers import right as found

    return found()


PARTS = {
    "right": right,
    "ceiling": ceiling,
    "fast": fast,
    "unsloth_seed": lambda: unsloth(packed=False),
    "unsloth_packed": lambda: unsloth(packed=True),
}
OTHERS = {
    "fast_4x2": lambda: fast(batch_size=4, accumulation=2),
    "plain_packed": lambda: fast(steps=8, fused_kernels=False, gradient_checkpointing=True),
}


def run_part(part: str) -> dict[str, Any]:
    """One part in a process of its own; what it says of itself is its last line."""
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
    """The bars of the issue."""
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
    """Every part, the bars, the results file."""
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
