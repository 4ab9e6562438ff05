"""Runs a benchmark's file once more, as several processes of torchrun on this machine."""

import json
import subprocess
import sys
from typing import Any


def of_ranks(file: str, processes: int, begins: str, *options: str) -> dict[str, Any]:
    """Return the last JSON line that begins with `begins` of `FILE --part OPTIONS`. Exits with the output if there is none."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    done = subprocess.run([*torchrun, file, "--part", *options], stdout=subprocess.PIPE, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith(begins)]
    if done.returncode or not lines:
        raise SystemExit(f"the run of {processes} processes ended with status {done.returncode}\n{done.stdout[-3000:]}")
    return json.loads(lines[-1])
