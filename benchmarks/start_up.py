"""python benchmarks/start_up.py [--repeats 3] [--earlier COMMIT]

CPU seconds that importing costs in `titlecraft train --dry-run`, `train` and `evaluate`: the commands themselves, as typed, on a
tiny base, dataset and adapter, beside those of an earlier commit in the same run, and beside what the libraries alone cost.
Writes benchmarks/results/start_up.json.

The earlier commit is the last one before the house was reordered. Both versions publish the tiny world with their own code, on
an embedded Hub of their own, and run on the same installed packages. Needs no network and no GPU.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[0] = str(ROOT)  # the folder of the packages

from benchmarks.bars import bar, print_bars, write_results  # noqa: E402
from local_hub.server import start, stop  # noqa: E402

RESULTS = HERE / "results" / "start_up.json"
EARLIER = "f6f9560"
MAINS = ("titlecraft/command_line/main.py", "titlecraft/cli.py")  # now, and at the earlier commit
TINY = [
    "--base.repo=titlecraft/tiny-base",
    "--base.quantization=none",
    "--base.max_length=256",
    "--training.backend=trl",
    "--training.accumulation=2",
    "--training.max_steps=2",
    "--training.warmup_steps=0",
    "--training.optimizer=adamw_torch",
    "--training.precision=float32",
    "--training.gradient_checkpointing=false",
]
TRAIN = ["train", "--dataset", "titlecraft/tiny-dataset", "--repo", "titlecraft/new", *TINY]
COMMANDS = {
    "train --dry-run": [*TRAIN, "--dry-run"],
    "train": [*TRAIN, "--fresh"],
    "evaluate": [
        "evaluate",
        "--adapter",
        "titlecraft/new",
        "--evaluation.titles=20",
        "--generation.max_new_tokens=4",
        "--fresh",
    ],
}
FLOOR = """
import time
from transformers import AutoModelForCausalLM
import torch, peft
AutoModelForCausalLM.from_config
print(time.process_time())
"""
WORLD = """
import sys
from pathlib import Path
from tests.evaluation.published_world import upload_world, write_world
write_world(Path(sys.argv[1]))
upload_world(Path(sys.argv[1]))
"""


def tree_of(commit: str, folder: Path) -> Path:
    """Write the files of a commit into the folder; returns it."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, capture_output=True, check=True)
    folder.mkdir()
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive.stdout, check=True)
    return folder


class Version:
    """One source tree with a Hub of its own."""

    def __init__(self, tree: Path, folder: Path) -> None:
        self.tree, self.folder = tree, folder
        folder.mkdir()
        main = next(name for name in MAINS if (tree / name).exists())
        self.module = main.removesuffix(".py").replace("/", ".")
        others = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "TITLECRAFT_"))}
        hub = start(folder / "hub").environment(folder / "home")
        self.environment = others | hub | {"PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
        self.run("-c", WORLD, str(folder / "world"))

    def run(self, *arguments: str) -> str:
        """Run `python ARGUMENTS` on this tree, which must succeed; returns its output."""
        done = subprocess.run(
            [sys.executable, *arguments], env=self.environment, cwd=self.folder, capture_output=True, text=True
        )
        if done.returncode:
            raise SystemExit(f"{arguments}: {done.stderr[-3000:]}")
        return done.stdout

    def seconds(self, command: str) -> dict[str, float]:
        """Return the CPU seconds of the command's imports, and of all of its process."""
        out = self.folder / "seconds.json"
        self.run(str(HERE / "world" / "import_clock.py"), str(self.tree), str(out), self.module, *COMMANDS[command])
        return json.loads(out.read_text())


def floor(version: Version, repeats: int) -> float:
    """Return the median CPU seconds of a process that imports torch, transformers' causal models and PEFT, and nothing of ours."""
    return round(median(float(version.run("-c", FLOOR)) for _ in range(repeats)), 2)


def measure(versions: dict[str, Version], repeats: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return the medians for each command and version; the versions take turns."""
    runs: dict[str, dict[str, list[dict[str, float]]]] = {}
    for _ in range(repeats):
        for command in COMMANDS:
            for name, version in versions.items():
                runs.setdefault(command, {}).setdefault(name, []).append(version.seconds(command))
    return {
        command: {
            name: {key: round(median(run[key] for run in found), 2) for key in found[0]} for name, found in both.items()
        }
        for command, both in runs.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--earlier", default=EARLIER)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="start-up-") as temporary:
        folder = Path(temporary)
        versions: dict[str, Version] = {}
        try:
            versions["earlier"] = Version(tree_of(options.earlier, folder / "earlier"), folder / "of earlier")
            versions["now"] = Version(ROOT, folder / "of now")
            commands = measure(versions, options.repeats)
            libraries = floor(versions["now"], options.repeats)
        finally:
            for name in ("earlier", "now"):
                stop(folder / f"of {name}" / "hub")
    bars: list[dict[str, Any]] = []
    for command, found in commands.items():
        for name, seconds in found.items():
            print(f"{command:<18}{name:<9}{seconds['imports']:>7.2f} s of imports, {seconds['process']:>7.2f} s in all")
        ratio = found["now"]["imports"] / found["earlier"]["imports"]
        bars.append(bar(f"imports of {command}, of those of {options.earlier}", ratio, 0.5, "times, CPU seconds"))
    print(f"{'libraries alone':<27}{libraries:>7.2f} s: torch, AutoModelForCausalLM of transformers, peft")
    print_bars(bars)
    machine = {"python": platform.python_version(), "cores": os.cpu_count(), "repeats": options.repeats}
    found = {"earlier": options.earlier, "libraries_alone": libraries, "cpu_seconds": commands, "bars": bars}
    write_results(options.out, machine | found)


if __name__ == "__main__":
    main()
