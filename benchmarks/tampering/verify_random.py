"""python -m benchmarks.tampering.verify_random [--count 420] [--keep FOLDER]

Makes random single changes to a published adapter and its dataset, and checks that `titlecraft verify` catches each at the level
that has to: benchmarks/results/verify.json, with the list of what a level cannot know. The attacker of the hardest kinds recomputes
values, metrics, keys, checksums and renderings. The commands that a user types publish a tiny adapter to an embedded Hub. Each change
is made to a copy of the published files, which is verified in this process; what the records name is read from that Hub. The
unchanged repos must hold at every level. Takes minutes on two CPU cores.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from local_hub.server import start, stop
from titlecraft.command_line.demo.catalogue import write_catalogue

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "verify.json"
BASE, DATASET, ADAPTER = "titlecraft/base", "titlecraft/descriptions", "titlecraft/adapter"
RECIPE = """
data: {test_share: 0.1, validation_share: 0.05}
base: {repo: titlecraft/base, quantization: none, max_length: 256}
lora: {r: 4, alpha: 32, dropout: 0.0, target_modules: [q_proj, v_proj, down_proj]}
training: {backend: trl, batch_size: 8, accumulation: 1, max_steps: 40, warmup_steps: 2, learning_rate: 0.01, optimizer: adamw_torch, precision: float32, gradient_checkpointing: false, logging_steps: 3}
generation: {max_new_tokens: 24}
evaluation: {titles: 40, batch_size: 20, resamples: 700, sampled: 2}
"""
INVALID_LINES = ('{"title": "cut', "[1, 2]", '{"uid": "B000000001", "title": 7, "content": "number"}')


def publish_world(folder: Path) -> None:
    """Publish a base, a dataset with some malformed lines, an adapter and its report, each in its own process."""
    write_catalogue(folder / "trn.json.gz", rows=1500, seed=3)
    with gzip.open(folder / "trn.json.gz") as stream:
        lines = stream.read().decode("utf-8", "surrogateescape") + "\n".join(INVALID_LINES) + "\n"
    (folder / "trn.json.gz").write_bytes(gzip.compress(lines.encode("utf-8", "surrogateescape"), mtime=0))
    (folder / "recipe.yaml").write_text(RECIPE)
    recipe = ["--recipe", "recipe.yaml"]
    for command in (
        ["titlecraft.command_line.demo.tiny_base", BASE, "--steps", "60"],
        ["titlecraft.command_line.main", "build", "trn.json.gz", "--repo", DATASET, *recipe],
        ["titlecraft.command_line.main", "train", "--dataset", DATASET, "--repo", ADAPTER, *recipe],
        ["titlecraft.command_line.main", "evaluate", "--adapter", ADAPTER, *recipe],
    ):
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", *command]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{command}: {done.stderr[-2000:]}")
        print(done.stdout.strip().splitlines()[0], flush=True)


def main(count: int, seed: int, folder: Path, minutes: float) -> None:
    """Start a Hub, publish, measure, and write the result."""
    hub = start(folder / "hub")
    os.environ.update(hub.environment(folder / "hf_home"))
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        if not (folder / "recipe.yaml").exists():
            publish_world(folder)
        from benchmarks.tampering.catch_rate import measure  # huggingface_hub reads the environment when it is imported

        result = measure(count, seed, folder, minutes)
    finally:
        stop(folder / "hub")
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "missed"}, indent=2))
    if result["missed"]:
        sys.exit("\n".join(result["missed"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=420)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=600, help="begin no tampering after this time")
    parser.add_argument(
        "--keep", type=Path, help="publish into this folder, or use what an earlier run published there"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if arguments.keep:
            arguments.keep.mkdir(parents=True, exist_ok=True)
        main(arguments.count, arguments.seed, arguments.keep or Path(temporary), arguments.minutes)
