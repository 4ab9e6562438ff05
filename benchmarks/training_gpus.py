"""python benchmarks/training_gpus.py      on a machine with two or more GPUs of 80 GB

Measures the fast path on 1, 2, … GPUs of one machine (DDP through torchrun, NCCL), each with a 4-bit base of 8B and 4 packed
rows of 2,048 tokens per step: rows per second of all GPUs. Writes benchmarks/results/training_gpus.json; about 4 minutes for
two GPUs.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from benchmarks.bars import print_bars  # noqa: E402
from benchmarks.torchrun import of_ranks  # noqa: E402

RESULTS = HERE / "results" / "training_gpus.json"
BARS = {2: 1.9, 4: 3.7}
STEPS = 16


def on_this_gpu() -> None:
    """Train on the GPU of this rank; sum the rows of all ranks; rank 0 prints the result."""
    import torch
    from torch.distributed import all_reduce

    from benchmarks.training_speed import fast
    from titlecraft.process import distributed

    distributed.init_process_group()
    distributed.use_own_gpu()
    found = fast(STEPS, batch_size=4)
    rates = torch.tensor([found["rows_per_second"], found["tokens_per_second"]], device="cuda")
    if distributed.world_size() > 1:
        all_reduce(rates)
    if distributed.is_rank0():
        rows, tokens = rates.tolist()
        said = {name: found[name] for name in ("step_seconds", "peak_gb", "losses", "steps")}
        print(json.dumps({"rows_per_second": round(rows, 2), "tokens_per_second": round(tokens, 1)} | said))
    distributed.destroy_process_group()


def measured(gpus: int) -> dict[str, Any]:
    """Run on this number of GPUs; return the result of rank 0."""
    found = of_ranks(__file__, gpus, '{"rows_per_second"')
    print(f"{gpus} GPUs  {json.dumps(found)}", flush=True)
    return found


def main() -> None:
    """Measure 1, 2, 4, 8 GPUs, as far as the machine has them; print the bars and write the results."""
    if "--part" in sys.argv:
        return on_this_gpu()
    import torch

    from benchmarks.training_speed import BASE
    from benchmarks.world.random_8b import write_base

    os.environ.setdefault("OMP_NUM_THREADS", "8")
    there = torch.cuda.device_count()
    if there < 2:
        raise SystemExit(f"this machine has {there} GPUs: two or more are needed")
    write_base(BASE)
    found = {gpus: measured(gpus) for gpus in (1, 2, 4, 8) if gpus <= there}
    alone = found[1]["rows_per_second"]
    bars = [
        {
            "name": f"x_{gpus}_gpus",
            "value": round(found[gpus]["rows_per_second"] / alone, 3),
            "bar": bar,
            "unit": "times the rows a second of one",
            "holds": found[gpus]["rows_per_second"] / alone >= bar,
        }
        for gpus, bar in BARS.items()
        if gpus in found
    ]
    measured_by_gpus = {str(gpus): one for gpus, one in found.items()}
    result = {"bars": bars, "gpu": torch.cuda.get_device_name(), "measured": measured_by_gpus}
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print_bars(bars)


if __name__ == "__main__":
    main()
