"""python benchmarks/training_end_to_end.py [--only PART …]      on a machine with a GPU; minutes

Runs the command `titlecraft train` with the demo's tiny base on an embedded Hub: all rows by the fast path; killed with SIGKILL
during training and resumed, in 4 bit, bfloat16 and 8-bit AdamW; the seed recipe with Unsloth; a GPU whose memory is full, with
and without --auto-batch. Writes benchmarks/results/training_end_to_end.json after each part and keeps the results of parts that
are not run again. Without a GPU: `--only resumed`, in float32.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import bar  # noqa: E402

RESULTS = HERE / "results" / "training_end_to_end.json"
BASE, DATASET = "titlecraft/tiny-llama-base", "titlecraft/amazon-titles-alpaca"
ROWS, STEPS, KILLED_AFTER, LEFT_FREE = 8_000, 60, 30, 2_200_000_000
HOLD = """
import sys, time, torch
free, _ = torch.cuda.mem_get_info()
held = torch.empty(free - int(sys.argv[1]), dtype=torch.uint8, device="cuda")
print("held", flush=True)
time.sleep(600)
"""


def titlecraft(*arguments: str) -> list[str]:
    """Return the command line."""
    return [sys.executable, "-m", "titlecraft.command_line.main", *arguments]


def training(name: str, recipe: str, *options: str) -> list[str]:
    """Return the command of a training of the tiny base with this recipe."""
    return titlecraft(
        "train",
        "--dataset",
        DATASET,
        "--repo",
        f"titlecraft/{name}",
        "--public",
        "--recipe",
        recipe,
        f"--base.repo={BASE}",
        "--base.max_length=256",
        *options,
    )


def run(command: list[str], expected: int = 0) -> str:
    """Run a command, check its exit status, and return its output."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != expected:
        raise SystemExit(f"{' '.join(command[2:])} ended with status {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


def record(name: str) -> dict[str, Any]:
    """Return the training record of an adapter."""
    from huggingface_hub import hf_hub_download

    return json.loads(Path(hf_hub_download(f"titlecraft/{name}", "training_record.json")).read_text())


def summary(name: str) -> dict[str, Any]:
    """Return how a training was computed according to its record, and whether all checks hold."""
    found = record(name)
    kept = ("attention", "fused_kernels", "precision", "quantization", "steps", "loss")
    return {key: found[key] for key in kept} | {
        "device": found["measured"]["device"],
        "checks_hold": all(one["holds"] for one in found["checks"]),
        "checks": len(found["checks"]),
    }


def whole_split() -> dict[str, Any]:
    """Train on all rows by the fast path."""
    run(training("whole-split", "full-epoch", "--training.warmup_steps=5"))
    return summary("whole-split")


def on_gpu() -> bool:
    """Return whether this machine has a GPU."""
    import torch

    return torch.cuda.is_available()


def resumed() -> dict[str, Any]:
    """Compare a training that is killed after its third checkpoint and resumed with an uninterrupted one, weight by weight."""
    from huggingface_hub import hf_hub_download
    from safetensors.torch import load_file

    options = ["--training.backend=trl", f"--training.max_steps={STEPS}"]
    if not on_gpu():
        options += ["--training.precision=float32", "--training.optimizer=adamw_torch"]
    run(training("left-alone", "quality", *options))
    command = training("killed", "quality", *options, f"--save-every={KILLED_AFTER // 3}")
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    work = Path(os.environ["TITLECRAFT_WORK"])
    while process.poll() is None and not list(work.rglob(f"step-{KILLED_AFTER}")):
        time.sleep(0.05)
    if process.poll() is not None:
        raise SystemExit("the training that was to be killed ended first")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    run([*command, "--resume"])
    one, other = (
        load_file(hf_hub_download(f"titlecraft/{name}", "adapter_model.safetensors"))
        for name in ("left-alone", "killed")
    )
    apart = max(float((one[name].float() - other[name].float()).abs().max()) for name in one)
    largest = max(float(one[name].abs().max()) for name in one)
    return summary("killed") | {
        "parts": record("killed")["measured"]["parts"],
        "apart": apart,
        "largest_weight": largest,
    }


def unsloth_seed() -> dict[str, Any]:
    """Train by the seed recipe, with another base and length."""
    run(training("seed", "seed"))
    return summary("seed")


def memory_full() -> dict[str, Any]:
    """Train on a GPU with 2.2 GB left: without --auto-batch for the message, then with it."""
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(LEFT_FREE)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        options = ["--training.backend=trl", "--training.batch_size=2048", "--training.max_steps=2"]
        said = run(training("full", "quality", *options), expected=2).strip().splitlines()[-1]
        run(training("full", "quality", *options, "--auto-batch"))
    finally:
        holder.kill()
        holder.wait()
    return {"message": said} | summary("full") | {"memory_note": record("full")["memory_note"]}


PARTS = {"resumed": resumed, "whole_split": whole_split, "unsloth_seed": unsloth_seed, "memory_full": memory_full}


def judge(found: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the bars: parts that succeed, and the difference after an interruption."""
    bars = [
        (
            "parts_with_all_checks",
            float(sum(one["checks_hold"] for one in found.values())),
            float(len(found)),
            "parts",
            True,
        )
    ]
    if "resumed" in found:
        bars.append(("resume_apart", found["resumed"]["apart"], 0.0, "largest difference of a weight", False))
    return [bar(name, value, limit, unit, larger=larger) for name, value, limit, unit, larger in bars]


def main() -> None:
    """Publish base and dataset on the Hub, then run each part."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    options.add_argument("--out", type=Path, default=RESULTS)
    asked = options.parse_args()
    from local_hub.server import start, stop
    from titlecraft.command_line.demo.catalogue import write_catalogue

    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        os.environ |= start(root / "hub").environment(root / "home") | {
            "TITLECRAFT_WORK": str(root / "work"),
            "PYTHONPATH": os.pathsep.join([str(HERE.parent), os.environ.get("PYTHONPATH", "")]),
        }
        os.environ.pop("HF_HUB_OFFLINE", None)
        try:
            write_catalogue(root / "trn.json.gz", ROWS, 7)
            run([sys.executable, "-m", "titlecraft.command_line.demo.tiny_base", BASE])
            run(titlecraft("build", str(root / "trn.json.gz"), "--repo", DATASET, "--public", "--recipe", "tiny"))
            found = json.loads(asked.out.read_text())["measured"] if asked.out.exists() else {}
            for part in asked.only:
                started = time.perf_counter()
                found[part] = PARTS[part]() | {"minutes": round((time.perf_counter() - started) / 60, 1)}
                print(part, json.dumps(found[part]), flush=True)
                asked.out.write_text(json.dumps({"bars": judge(found), "measured": found}, indent=2) + "\n")
        finally:
            stop(root / "hub")
    print(json.dumps(judge(found)))


if __name__ == "__main__":
    main()
