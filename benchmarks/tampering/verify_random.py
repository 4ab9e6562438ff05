"""python benchmarks/verify.py [--count 260] [--keep FOLDER]

Random single tamperings of a published adapter and its dataset, and whether `titlecraft verify` catches each at the level that
has to: benchmarks/results/verify.json. A tiny world is published to an embedded Hub by the commands that a user types; each
tampering is made on a copy of what the Hub serves and verified in this process, by the same code, and what the records name is
still read from that Hub. Before, the untampered repos have to hold at every level. Minutes on two quiet CPU cores.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from io import StringIO
from pathlib import Path
from random import Random
from time import perf_counter
from typing import Any

HERE = Path(__file__).resolve().parents[1]
sys.path[0] = str(HERE.parent)  # in the place of this folder, whose evaluation.py would hide the package
RESULTS = HERE / "results" / "verify.json"
BAR = 1.0
BASE, DATASET, ADAPTER = "titlecraft/base", "titlecraft/descriptions", "titlecraft/adapter"
RECIPE = """
data: {test_share: 0.1, validation_share: 0.05}
base: {repo: titlecraft/base, quantization: none, max_length: 256}
lora: {r: 4, alpha: 32, dropout: 0.0, target_modules: [q_proj, v_proj, down_proj]}
training: {backend: trl, batch_size: 8, accumulation: 1, max_steps: 40, warmup_steps: 2, learning_rate: 0.01, optimizer: adamw_torch, precision: float32, gradient_checkpointing: false, logging_steps: 3}
generation: {max_new_tokens: 24}
evaluation: {titles: 40, batch_size: 20, resamples: 700, sampled: 2}
"""
ODD_LINES = ('{"title": "cut', "[1, 2]", '{"uid": "B000000001", "title": 7, "content": "number"}')


def publish_world(folder: Path) -> None:
    """A base, a dataset with some lines that are no rows, an adapter and its report, in processes of their own."""
    import gzip

    from titlecraft.command_line.demo.catalogue import write_catalogue

    write_catalogue(folder / "trn.json.gz", rows=1500, seed=3)
    with gzip.open(folder / "trn.json.gz") as stream:
        lines = stream.read().decode("utf-8", "surrogateescape") + "\n".join(ODD_LINES) + "\n"
    (folder / "trn.json.gz").write_bytes(gzip.compress(lines.encode("utf-8", "surrogateescape"), mtime=0))
    (folder / "recipe.yaml").write_text(RECIPE)
    recipe = ["--recipe", "recipe.yaml"]
    for command in (
        ["titlecraft.command_line.demo.tiny_base", BASE, "--steps", "60"],
        ["titlecraft.command_line.main", "build", "trn.json.gz", "--repo", DATASET, *recipe],
        ["titlecraft.command_line.main", "train", "--dataset", DATASET, "--repo", ADAPTER, *recipe],
        ["titlecraft.command_line.main", "evaluate", "--adapter", ADAPTER, *recipe],
    ):
        done = subprocess.run([sys.executable, "-m", *command], cwd=folder, env=os.environ | {"PYTHONPATH": str(HERE.parent)}, capture_output=True, text=True)  # fmt: skip
        if done.returncode:
            sys.exit(f"{command}: {done.stderr[-2000:]}")
        print(done.stdout.strip().splitlines()[0], flush=True)


def tamperings(count: int, seed: int) -> Iterator[tuple[Any, Random]]:
    """So many tamperings, each kind in turn, each with random numbers of its own."""
    from benchmarks.tampering.random_changes import KINDS

    for number in range(count):
        yield KINDS[number % len(KINDS)], Random(f"{seed} {number}")


def tamper(state: Any, kind: Any, random: Random, folder: Path) -> tuple[Any, str, bool]:
    """A tampered copy of a state, what was changed, and whether it is wholly covered up; tries again where nothing is left of a change (a forger who mends
    the size of a file that a record gave wrongly has changed nothing)."""
    from benchmarks.tampering.recompute_checksums import cover_up
    from model_card.verification.repo_state import RepoState

    while True:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(state.folder, folder, ignore=shutil.ignore_patterns(".gitattributes"))
        said = kind.change(folder, random)
        covered = kind.covered and said is not None and cover_up(folder, state.pin.type, state.pin)
        changed = RepoState.of_folder(state.pin, folder)
        if said is not None and bytes_of(changed) != bytes_of(state):
            return changed, said, covered


def bytes_of(state: Any) -> dict[str, Any]:
    """Every file of a state; of the card its sections and the values of its metadata, for a digit behind all that a float64
    holds, or white space at its end, is no other claim."""
    from titlecraft.cards.merge import split
    from titlecraft.errors import UserError

    found = {path: state.read(path) for path in state.paths if path != ".gitattributes"}
    with suppress(UserError, KeyError):  # no card, or one that cannot be taken apart
        found["README.md"] = split(found["README.md"].decode("utf-8", "replace"))
    return found


def whole(state: Any, folder: Path) -> Any:
    """A state as plain files of a folder, for the Hub's cache is made of links."""
    from model_card.verification.repo_state import RepoState

    shutil.copytree(state.folder, folder)
    return RepoState.of_folder(state.pin, folder)


def main(count: int, seed: int, folder: Path) -> None:
    """Publish, verify untampered, tamper, count, write the result."""
    from local_hub.server import start, stop

    hub = start(folder / "hub")
    os.environ.update(hub.environment(folder / "hf_home"))
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        if not (folder / "recipe.yaml").exists():
            publish_world(folder)
        result = measure(count, seed, folder)
    finally:
        stop(folder / "hub")
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps({key: value for key, value in result.items() if key != "missed"}, indent=2))
    if result["missed"]:
        sys.exit("\n".join(result["missed"]))


def measure(count: int, seed: int, folder: Path) -> dict[str, Any]:
    """The result, as it is written."""
    from model_card.verification.repo_state import RepoState
    from model_card.verification.run import find, verify_state

    source = [str(folder / "trn.json.gz")]
    states = {"adapter": RepoState.download(find(ADAPTER)), "dataset": RepoState.download(find(f"datasets/{DATASET}"))}
    for name in states:
        shutil.rmtree(folder / name, ignore_errors=True)
    states = {name: whole(state, folder / name) for name, state in states.items()}
    untampered = {}
    for name, level in (("adapter", "predictions"), ("dataset", "data"), ("adapter", "data")):
        found = verify_state(states[name], level, source)
        untampered[f"{name}, level {level}"] = {
            "claims": len(found.lines),
            "hold": len(found.lines) - len(found.failures()),
        }
        print(
            name, level, untampered[f"{name}, level {level}"], [line.claim for line in found.failures()][:9], flush=True
        )
    caught: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    by_level: Counter[str] = Counter()
    missed: list[str] = []
    wholly_covered = 0
    started = perf_counter()
    for number, (kind, random) in enumerate(tamperings(count, seed)):
        state, said, covered = tamper(states[kind.repo], kind, random, folder / "tampered")
        wholly_covered += covered
        with redirect_stdout(StringIO()):
            found = verify_state(state, kind.level, source if kind.level == "data" else [])
        asked[kind.name] += 1
        if found.holds():
            missed.append(f"{kind.name}: {said}")
            print("MISSED", missed[-1], flush=True)
        else:
            caught[kind.name] += 1
            by_level[found.failures()[0].level] += 1
        if number % 25 == 24:
            print(
                f"{number + 1} of {count}, {sum(caught.values())} caught, {perf_counter() - started:.0f} s", flush=True
            )
    share = sum(caught.values()) / count
    return {
        "bars": [{"name": "share_of_tamperings_caught", "value": share, "bar": BAR, "unit": "share", "holds": share >= BAR}],
        "tamperings": count,
        "seed": seed,
        "caught": sum(caught.values()),
        "wholly_covered_up": wholly_covered,
        "by_kind": {name: {"made": asked[name], "caught": caught[name]} for name in sorted(asked)},
        "caught_first_at_level": dict(sorted(by_level.items())),
        "untampered": untampered,
        "missed": missed,
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=260)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="publish the world here, or use the one that is there")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        if asked.keep:
            asked.keep.mkdir(parents=True, exist_ok=True)
        main(asked.count, asked.seed, asked.keep or Path(temporary))
