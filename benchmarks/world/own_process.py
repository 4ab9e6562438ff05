"""Runs a part of a benchmark in its own process; measures seconds, CPU seconds, and the peak memory of its process tree.

Memory is the proportional set size (PSS), read twice a second; shared pages count once. For a process over 2 GB it is the
resident set size, because reading the PSS would slow that process down.
"""

import json
import os
import resource
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent


def measure(script: Path, part: str, source: Path, work: Path) -> dict[str, Any]:
    """Run `script --part part`; return the measurements, and the JSON result in its last line of output.

    `load` is the machine's load when it began, per core: over 0.2 or so, other work was going on.
    """
    work.mkdir()
    command = [sys.executable, str(script), "--part", part, "--source", str(source), "--work", str(work)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "HF_DATASETS_DISABLE_PROGRESS_BARS": "1"}
    load, cpu, started, peak = os.getloadavg()[0] / (os.cpu_count() or 1), cpu_seconds(), time.monotonic(), 0
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        while process.returncode is None:
            peak = max(peak, memory(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
        seconds = time.monotonic() - started
        assert process.stdout is not None
        said = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"{part} on {source} ended with status {process.returncode}")
    found = {
        "seconds": round(seconds, 2),
        "cpu_seconds": round(cpu_seconds() - cpu, 2),
        "peak_memory_gb": round(peak / 1e9, 3),
        "load": round(load, 2),
        **json.loads(said.splitlines()[-1]),
    }
    print(f"{part:<12}{source.name:<20}{json.dumps(found)}", flush=True)
    return found


def cpu_seconds() -> float:
    """Return the CPU time of all ended child processes."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    found, todo = [], [root]
    while todo:
        found.append(process := todo.pop())
        for task in Path(f"/proc/{process}/task").glob("*/children"):
            try:
                todo += map(int, task.read_text().split())
            except OSError:
                continue
    return found


def memory(root: int) -> int:
    """Return the PSS of a process tree in bytes; the RSS of large processes."""
    total = 0
    for process in tree(root):
        try:
            resident = int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
            if resident > 2e9:
                total += resident
                continue
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has just ended
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total
