"""python -m tests.training.several FOLDER compare|share [OPTION …]: publish the tiny world, train in two ways and compare.

compare: one process with twice the batch, and two processes. share: two processes with a full base each, and two with a sharded
base. Prints differences and fields of the records as JSON.
"""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, constants, snapshot_download
from safetensors.torch import load_file

from tests.evaluation.published_world import BASE, DATASET, upload_world, write_world
from tests.warm import PYTHON

COMMON = [
    "--dataset",
    DATASET,
    f"--base.repo={BASE}",
    "--base.quantization=none",
    "--base.max_length=256",
    "--lora.dropout=0",
    "--training.backend=trl",
    "--training.accumulation=2",
    "--training.max_steps=4",
    "--training.validate_every=2",
    "--training.warmup_steps=0",
    "--training.optimizer=adamw_torch",
    "--training.precision=float32",
    "--training.gradient_checkpointing=false",
    "--training.learning_rate=0.001",
]
# torchrun as a user types it; its two processes start warm.
TWO = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python", PYTHON]
TRAINING = ["-m", "training"]
ALONE = [PYTHON, *TRAINING]


def two(*module: str) -> list[str]:
    """torchrun with an agent that starts warm too.

    Its processes meet at a port that is known beforehand. `--standalone` looks through every imported module at each turn
    of its meeting, which takes seconds where everything is imported.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    return [PYTHON, *TWO[1:3], "--master-port", port, *TWO[4:], *module]


def train(command: list[str], repo: str, *more: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The record, weights and output of one training."""
    process = subprocess.run(
        [*command, *COMMON, "--repo", repo, *more], capture_output=True, text=True, env=os.environ, timeout=100
    )
    assert process.returncode == 0, process.stderr.partition("Sending process")[0][-4000:]
    folder = Path(snapshot_download(repo))
    record = json.loads((folder / "training_record.json").read_bytes())
    return record, load_file(folder / "adapter_model.safetensors"), process.stdout


def refused(*more: str) -> str:
    """The error of rank 0 if two processes cannot train; the other rank exits before torchrun kills it."""
    process = subprocess.run(
        [*two(*TRAINING), *COMMON, "--repo", "titlecraft/three", *more],
        capture_output=True,
        text=True,
        env=os.environ,
        timeout=100,
    )
    assert process.returncode != 0, process.stdout
    return process.stderr.partition("torch/distributed")[0]


def resumed(*more: str) -> dict[str, Any]:
    """Weights, counts and parts of two processes that were killed after three of four steps and resumed from the second."""
    repo, options = "titlecraft/resumed", [*more]
    killed = [
        *two("-m", "tests.training.checkpoints.killed", "3"),
        *COMMON,
        "--repo",
        repo,
        "--save-every",
        "2",
        *options,
    ]
    assert subprocess.run(killed, capture_output=True, env=os.environ, timeout=100).returncode != 0
    record, weights, output = train(two(*TRAINING), repo, "--resume", *options)
    assert "resuming after step 2 of 4" in output, output
    return {"weights": weights, "counts": record["examples"], "parts": record["measured"]["parts"]}


def compare(*more: str) -> dict[str, Any]:
    """The comparison of one process with two."""
    of_two = ["--training.batch_size=2", *more]
    pair, two_weights, output = train([*TWO, *TRAINING], "titlecraft/two", *of_two)
    one, one_weights, _ = train(ALONE, "titlecraft/one", "--training.batch_size=4", *more)
    resumed_run = resumed(*of_two)
    commits = HfApi().list_repo_commits("titlecraft/two")
    counts = ("seen", "tokens_seen", "completion_tokens_seen", "distinct_seen")
    return {
        "apart": max(float((one_weights[name] - two_weights[name]).abs().max()) for name in one_weights),
        "largest": max(float(weight.abs().max()) for weight in one_weights.values()),
        "one": [one["examples"][name] for name in counts],
        "two": [pair["examples"][name] for name in counts],
        "resumed": resumed_run["counts"] == pair["examples"] and same(resumed_run["weights"], two_weights),
        "parts": resumed_run["parts"],
        "devices": [one["measured"]["devices"], pair["measured"]["devices"]],
        "losses": [one["loss"], pair["loss"]],
        "validations": [
            [point["validation_loss"] for point in record["validation"]["points"]] for record in (one, pair)
        ],
        "commits": len(commits),
        "files": HfApi().list_repo_files("titlecraft/two"),
        "events": len(list(Path(constants.HF_HOME).glob("titlecraft/watch/titlecraft--two/*/events.out.tfevents.*"))),
        "said": output.count("adapter titlecraft/two@"),
        "unsloth": refused("--training.backend=unsloth"),
    }


def same(weights: dict[str, Any], other_weights: dict[str, Any]) -> bool:
    """Whether two adapters are equal bit for bit."""
    return weights.keys() == other_weights.keys() and all(weights[name].equal(other_weights[name]) for name in weights)


def share(*more: str) -> dict[str, Any]:
    """The comparison of a full and a sharded 4-bit base, with a killed and resumed run, and with one process."""
    options = ["--training.batch_size=2", "--base.quantization=nf4", *more]
    full, weights, _ = train(two(*TRAINING), "titlecraft/whole", *options)
    shared, shared_weights, output = train(two(*TRAINING), "titlecraft/shared", *options, "--training.shard_base=true")
    resumed_run = resumed(*options, "--training.shard_base=true")
    moved = max(float(weight.abs().max()) for name, weight in weights.items() if "lora_B" in name)  # 0 before training
    return {
        "same": same(weights, shared_weights),
        "resumed": same(weights, resumed_run["weights"]),
        "parts": resumed_run["parts"],
        "moved": moved,
        "losses": [full["loss"], shared["loss"]],
        "quantization": shared["quantization"],
        "checks": [[check["name"] for check in record["checks"]] for record in (full, shared)],
        "said": [line for line in output.splitlines() if "shared out" in line or "fused kernels: " in line],
        "alone": subprocess.run(
            [*ALONE, *COMMON, "--repo", "titlecraft/alone", "--training.shard_base=true"],
            capture_output=True,
            text=True,
            env=os.environ,
            timeout=100,
        ).stderr,
    }


if __name__ == "__main__":
    write_world(Path(sys.argv[1]))
    upload_world(Path(sys.argv[1]))
    print(json.dumps({"compare": compare, "share": share}[sys.argv[2]](*sys.argv[3:])))
