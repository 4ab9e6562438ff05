"""python benchmarks/quality_gpus.py OUT [--minutes 8] [--at-once 9] [quality.py's options]      on a machine with GPUs

Runs quality.py on every GPU of a machine at once, each with seeds of its own, and writes OUT/quality.json with the runs of all.
Commands are forks of one warm process that has imported the libraries. The base and, with --catalogue, the rows are prepared
before. Runs that are not finished after --minutes are left out; the first seeds come first.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import write_results  # noqa: E402
from benchmarks.world.quality_summary import summarise  # noqa: E402

SEEDS = 5
LAST_RUN = 60  # seconds that a run takes which has been started
USES_GPU = "import torch; print(torch.ones(2, device='cuda').sum().item())"


def warm_environment() -> tuple[Any, dict[str, str]]:
    """Return a warm process, which ends with this object, and an environment in which commands are its forks if they can use the GPU."""
    # without it torch asks the driver whether there is a GPU, and a process that did so must not fork
    os.environ |= {"PYTORCH_NVML_BASED_CUDA_CHECK": "1", "JAX_PLATFORMS": "cpu", "OMP_NUM_THREADS": "1"}
    os.environ["TORCHDYNAMO_DISABLE"] = "1"  # compiling a decoding step takes longer than 256 plain ones
    from tests.warm.session import ADDRESS, Warm

    warm = Warm()
    tried = subprocess.run([str(warm.python), "-c", USES_GPU], capture_output=True, text=True)
    environment = dict(os.environ)
    if "2.0" not in tried.stdout:
        print(f"no forks: {tried.stderr[-300:]}", flush=True)
        del environment[ADDRESS]
    return warm, environment


def main() -> None:
    """Start one table for each GPU, wait, and join their runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--at-once", default="9")
    options, passed = parser.parse_known_args()
    end = time.monotonic() + 60 * options.minutes
    _warm, environment = warm_environment()
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, check=True).stdout.splitlines()
    gpus = list(range(len(listed)))
    each = -(-SEEDS // len(gpus))
    results = [options.out / f"quality-{gpu}.json" for gpu in gpus]
    tables = []
    for gpu, result in zip(gpus, results, strict=True):
        left = (end - time.monotonic() - LAST_RUN) / 60
        command = [sys.executable, str(HERE / "quality.py"), "--at-once", options.at_once, "--minutes", str(left)]
        command += ["--first-seed", str(1 + gpu * each), "--seeds", str(each), "--work", f"/tmp/quality-{gpu}"]
        log = (options.out / f"quality-{gpu}.log").open("w")
        own = environment | {"CUDA_VISIBLE_DEVICES": str(gpu)}
        tables.append(
            subprocess.Popen(
                [*command, "--results", str(result), *passed], env=own, stdout=log, stderr=subprocess.STDOUT
            )
        )
    for table in tables:
        try:
            table.wait(max(1.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            table.kill()
    parts = [json.loads(result.read_text()) for result in results if result.exists()]
    runs = {name: run for part in parts for name, run in part["runs"].items()}
    joined = (parts[0] if parts else {}) | {
        "runs": runs,
        "device": f"{len(listed)} x {listed[0].partition(': ')[2].partition(' (UUID')[0]}",
    }
    summarise(joined)
    write_results(options.out / "quality.json", joined)
    print(f"{len(runs)} runs: {', '.join(sorted(runs))}")


if __name__ == "__main__":
    main()
