"""python benchmarks/sweep.py [--real --catalogue FILE --base FOLDER] [--work DIR]      two quiet CPU cores; --real on a GPU

Sweeps over 12 recipes, trains the chosen one and a recipe that nobody swept for, and compares both on the test split, which the
sweep never reads. Without --real: the demo's base and catalogue, against the recipe `tiny`. With --real: SmolLM2-135M-Instruct on real
product rows, against the recipe `quality`, with three training seeds of the chosen recipe. Writes benchmarks/results/sweep.json; only
numbers are written, no texts.
"""

import argparse
import json
import os
import platform
import resource
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import bar, print_bars, write_results  # noqa: E402
from benchmarks.world.real_base import BASE, publish_base, published_file, titlecraft  # noqa: E402

RESULTS = HERE / "results" / "sweep.json"
DATASET, CHOSEN, RIVAL = "titlecraft/sweep-rows", "titlecraft/chosen", "titlecraft/rival"
MINUTES = 6.0
TINY_BASE, ROWS = "titlecraft/tiny-llama-base", 20_000
TINY = ["--sweep", "training.learning_rate=5e-4,1e-3,2e-3,5e-3", "--sweep", "lora.r=8,16,32"]
ON_REAL = [
    "--training.fused_kernels=true",
    "--training.gradient_checkpointing=false",
    "--training.backend=trl",
    "--training.optimizer=adamw_torch",
    "--base.quantization=none",
    "--base.max_length=1024",
    "--generation.max_new_tokens=256",
]
ITS_BATCH = ["--training.batch_size=8", "--training.accumulation=1"]  # the 8 examples of `quality` in one forward pass
REAL = [
    "--sweep",
    "training.learning_rate=5e-4,1e-3,2e-3,4e-3",
    "--sweep",
    "lora.r=8,16,64",
    "--lora.dropout=0",
    "--training.packing=true",
    "--training.max_steps=null",
    "--training.epochs=2",
    "--training.batch_size=4",
    "--training.accumulation=1",
    "--training.schedule=cosine",
    "--training.warmup_steps=4",
]
STARTED = time.perf_counter()


def say(text: str) -> None:
    """Print a line with the seconds since the start."""
    print(f"{time.perf_counter() - STARTED:6.1f} s  {text}", flush=True)


def timed(log: Path, *arguments: str) -> dict[str, float]:
    """Run a command; return its wall seconds and CPU seconds."""
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    titlecraft(*arguments, log=log)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    seconds = round(time.perf_counter() - started, 1)
    say(f"{log.stem}: {seconds} s")
    return {"seconds": seconds, "cpu_seconds": round(cpu, 1)}


def primary(record: dict[str, Any]) -> dict[str, Any]:
    """Return the NLL per token of a report or a comparison: both arms, and the interval of the difference."""
    found = next(one for one in record["measures"] if one["name"] == "nll_per_token")
    return {key: found[key] for key in ("before", "after", "low", "high", "n")}


def figures_of(sweep: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of sweep.json without the losses of single rows."""
    tokens = sweep["tokens"]

    def nll(losses: list[float]) -> float:
        return round(sum(losses) / sum(tokens[: len(losses)]), 4)

    return {
        "rungs": sweep["rungs"],
        "base": nll(sweep["base_losses"]),
        "recipes": [
            run["settings"]
            | {
                "steps": run["steps"],
                "validation_nll": [nll(one["losses"]) for one in run["judged"]],
                "failed": run["failed"],
            }
            for run in sweep["runs"]
        ],
        "chosen": sweep["runs"][sweep["best"] - 1]["settings"],
        "differences": sweep["differences"],
        "seconds_of_runs": round(sum(one["seconds"] for run in sweep["runs"] for one in run["judged"]), 1),
    }


def report_of(repo: str) -> dict[str, Any]:
    """Return the measures of the newest report of an adapter."""
    return json.loads(published_file(repo, "report.json").read_bytes())


def run_tiny(work: Path) -> dict[str, Any]:
    """Sweep on the demo's base and catalogue, train the chosen recipe and `tiny`, evaluate both, compare."""
    out, evaluation = work / "sweep", ["--recipe", "tiny"]
    found: dict[str, Any] = {
        "sweep": timed(
            work / "sweep.log", "sweep", "--dataset", DATASET, "--repo", CHOSEN, "--recipe=tiny", *TINY, f"--out={out}"
        )
    }
    found |= figures_of(json.loads((out / "sweep.json").read_bytes()))
    found["training"] = timed(
        work / "chosen.log", "train", "--dataset", DATASET, "--repo", CHOSEN, "--recipe", str(out / "recipe.yaml")
    )
    timed(work / "rival.log", "train", "--dataset", DATASET, "--repo", RIVAL, "--recipe=tiny")
    for repo in (CHOSEN, RIVAL):
        timed(work / "evaluation.log", "evaluate", "--adapter", repo, *evaluation)
    timed(work / "compare.log", "evaluate", "--compare", RIVAL, CHOSEN, "--out", str(work / "compared"))
    found["test"] = primary(json.loads((work / "compared" / "compare.json").read_bytes()))
    return found


def run_real(work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """The same on the real base, beside the recipe `quality`; the chosen recipe with several training seeds.

    What is known is in `work`/found.json after each command.
    """
    out, found = work / "sweep", dict[str, Any]()
    common = [*ON_REAL, f"--base.repo={BASE}", f"--training.precision={options.precision}"]
    evaluation = [
        "--evaluation.titles=100",
        "--evaluation.batch_size=100",
        "--generation.max_new_tokens=256",
        "--evaluation.resamples=2000",
    ]

    def adapter(repo: str, *more: str) -> None:
        name = repo.rpartition("/")[2]
        trained = timed(work / f"train-{name}.log", "train", "--dataset", DATASET, "--repo", repo, *more)
        timed(work / f"evaluate-{name}.log", "evaluate", "--adapter", repo, *evaluation)
        measures = {one["name"]: [one["before"], one["after"]] for one in report_of(repo)["measures"]}
        found[name] = {"training_seconds": trained["seconds"], "measures": measures}
        write_results(work / "found.json", found)

    names = [f"{CHOSEN}-{seed}" for seed in range(1, options.seeds + 1)]
    with ThreadPoolExecutor() as pool:
        rival = pool.submit(adapter, RIVAL, "--recipe=quality", *common, *ITS_BATCH)
        swept = ["sweep", "--dataset", DATASET, "--repo", CHOSEN, "--recipe=quality", *common, *REAL, f"--out={out}"]
        found["sweep"] = {"seconds": timed(work / "sweep.log", *swept)["seconds"]}
        found |= figures_of(json.loads((out / "sweep.json").read_bytes()))
        write_results(work / "found.json", found)
        chosen = [
            pool.submit(adapter, name, "--recipe", str(out / "recipe.yaml"), f"--training.seed={seed}")
            for seed, name in enumerate(names, 1)
        ]
        for one in (rival, *chosen):
            one.result()
    timed(work / "compare.log", "evaluate", "--compare", RIVAL, names[0], "--out", str(work / "compared"))
    found["test"] = primary(json.loads((work / "compared" / "compare.json").read_bytes()))
    if options.seeds > 2:
        timed(work / "seeds.log", "evaluate", "--compare", *names, "--out", str(work / "seeds"))
        found["seeds"] = json.loads((work / "seeds" / "seeds.json").read_bytes())["measures"][0]
    return found | {"precision": options.precision}


def main() -> None:
    """Prepare a Hub with base and dataset, run, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument(
        "--base", type=Path, help="with --real: a folder that holds the converted base (default: the wheel)"
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--precision", default="bfloat16", help="with --real: of base and training")
    parser.add_argument("--work", type=Path, help="the Hub of the runs and their logs (default: a temporary folder)")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    from local_hub.server import start, stop
    from titlecraft.command_line.demo.catalogue import write_catalogue

    work = options.work or Path(tempfile.mkdtemp(prefix="sweep-"))
    work.mkdir(parents=True, exist_ok=True)
    hub = start(work / "hub")
    os.environ.update(hub.environment(work / "home"))  # before the Hub's client is imported
    catalogue = options.catalogue or work / "trn.json.gz"
    if not catalogue.exists():
        write_catalogue(catalogue, ROWS, 7)
    recipe = f"--recipe={'real' if options.real else 'tiny'}"
    titlecraft("build", str(catalogue), "--repo", DATASET, recipe, log=work / "build.log")
    say("the dataset is built")
    if options.real:
        publish_base(options.base)
    else:
        from titlecraft.command_line.demo.tiny_base import publish_tiny_base

        publish_tiny_base(TINY_BASE, 200, 1)
    say("the base is published")
    found = run_real(work, options) if options.real else run_tiny(work)
    result: dict[str, Any] = json.loads(options.results.read_text()) if options.results.exists() else {}
    name = "real" if options.real else "tiny"
    result[name] = found | {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg()[1],
    }
    result["bars"] = [one for one in result.get("bars", []) if not one["name"].endswith(name)]
    result["bars"].append(
        bar(f"test_nll_difference_{name}", found["test"]["high"], 0.0, "nats per token, upper end of the interval")
    )
    if not options.real:
        result["bars"].append(
            bar("minutes_tiny", found["sweep"]["cpu_seconds"] / 60, MINUTES, "CPU minutes of the sweep of 12 recipes")
        )
    print_bars(result["bars"])
    write_results(options.results, result)
    stop(work / "hub")


if __name__ == "__main__":
    main()
