"""python benchmarks/quality.py [--catalogue FILE] [--base FOLDER] [--seeds 5] [--at-once 6]      on a machine with a GPU

Fine-tunes SmolLM2-135M-Instruct by the recipes `seed`, `quality` and `full-epoch`, and by the best of a small grid chosen by the
likelihood of the validation split ("best"; "best-fitting" leaves rows out whose answer cannot end within the tokens generated),
each in both prompt formats and with several training seeds, and evaluates every adapter on the same held-out titles. For each
recipe: mean, standard deviation and 95 % interval (Student's t) over seeds of the held-out NLL, the stop rate, repetition,
unsupported names and numbers, and the share of distinct answers; beside them the base. Each run has its intervals over titles. Finished runs are kept in the results and not run again; the
first seed of every recipe comes first, so that a run that is cut short has them all. Without --catalogue the synthetic catalogue of
the demo is used. Only numbers are written, no texts. Commands start in forks of a warm process where
TITLECRAFT_WARM_PYTHON names one (tests/warm).
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean
from threading import Lock
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[0] = str(HERE.parent)  # the folder of the packages

from benchmarks.bars import print_bars, write_results  # noqa: E402
from benchmarks.world.quality_summary import MEASURES, summarise  # noqa: E402
from benchmarks.world.real_base import BASE, publish_base, published_file, titlecraft  # noqa: E402

RESULTS = HERE / "results" / "quality.json"
DATASET = "titlecraft/quality"
ROWS, LENGTH, NEW_TOKENS, TITLES = 1_000, 1024, 256, 100
FITTING = 64 + NEW_TOKENS  # tokens of a row whose answer ends within NEW_TOKENS: no prompt is longer than 64
ON_SMOLLM = [
    f"--base.repo={BASE}",
    "--base.quantization=none",
    "--training.backend=trl",
    "--training.optimizer=adamw_torch",
    "--training.fused_kernels=true",
    "--training.gradient_checkpointing=false",
    f"--generation.max_new_tokens={NEW_TOKENS}",
]
GRID = [(rate, epochs) for rate in ("1e-4", "2e-4", "5e-4", "1e-3") for epochs in (1, 3)]
FORMATS = ("alpaca", "chat")


def grid_options(rate: str, epochs: int) -> list[str]:
    """Return the options of a recipe of the grid: 8 examples a step, cosine schedule."""
    return [
        f"--base.max_length={LENGTH}",
        "--recipe=quality",
        f"--training.learning_rate={rate}",
        "--training.max_steps=null",
        f"--training.epochs={epochs}",
        "--training.batch_size=8",
        "--training.accumulation=1",
        "--training.schedule=cosine",
        "--training.warmup_steps=5",
    ]


# the same 8 examples a step as 2 × 4, in one forward pass
IN_ONE_BATCH = [f"--base.max_length={LENGTH}", "--training.batch_size=8", "--training.accumulation=1"]
RECIPES = {
    "seed": ["--recipe=seed", *IN_ONE_BATCH],
    "quality": ["--recipe=quality", *IN_ONE_BATCH],
    "full-epoch": ["--recipe=full-epoch", f"--base.max_length={LENGTH}"],
}


def recipes(best: tuple[str, int]) -> dict[str, list[str]]:
    """Return the options of each measured recipe; `best` is the point of the grid."""
    fitting = [*grid_options(*best)[1:], f"--base.max_length={FITTING}"]
    return {"best": grid_options(*best), "best-fitting": fitting, **RECIPES}


def train(folder: Path, name: str, options: list[str], form: str, seed: int) -> dict[str, Any]:
    """Train an adapter; return steps, examples, and the NLL of the validation rows without and with the adapter."""
    repo = f"titlecraft/{name}-{form}-{seed}"
    titlecraft(
        "train",
        "--dataset",
        DATASET,
        "--repo",
        repo,
        *options,
        *ON_SMOLLM,
        f"--prompt.format={form}",
        f"--training.seed={seed}",
        log=folder / f"train-{name}-{form}-{seed}.log",
    )
    record = json.loads(published_file(repo, "training_record.json").read_bytes())
    effect, examples = record["effect"], record["examples"]
    return {
        "steps": record["steps"],
        "examples_seen": examples["seen"],
        "tokens_per_second": record["measured"]["tokens_per_second"],
        "validation_rows": effect["rows"],
        "validation_nll_base": effect["nll_base"],
        "validation_nll": effect["nll_adapter"],
    }


def evaluate(folder: Path, name: str, form: str, seed: int) -> dict[str, Any]:
    """Evaluate an adapter; return MEASURES in both arms, and the distinct answers and those that stop by themselves."""
    import pyarrow.parquet as pq

    from titlecraft.records import column

    repo = f"titlecraft/{name}-{form}-{seed}"
    titlecraft(
        "evaluate",
        "--adapter",
        repo,
        f"--evaluation.titles={TITLES}",
        f"--evaluation.batch_size={TITLES}",
        f"--generation.max_new_tokens={NEW_TOKENS}",
        "--evaluation.resamples=2000",
        log=folder / f"evaluate-{name}-{form}-{seed}.log",
    )
    measures = {one["name"]: one for one in json.loads(published_file(repo, "report.json").read_bytes())["measures"]}
    answers = pq.read_table(published_file(repo, "predictions.parquet")).to_pylist()
    fitting = [row for row in answers if row["reference_tokens"] <= NEW_TOKENS]
    found: dict[str, Any] = {
        measure: {key: measures[measure][key] for key in ("before", "after", "low", "high", "n")}
        for measure in MEASURES
        if measure in measures
    }
    for arm in ("before", "after"):
        found[f"distinct_answers_{arm}"] = len({row[arm] for row in answers}) / len(answers)
        stops = [stop for row in fitting if (stop := row[column("stop_rate", arm)]) is not None]
        found[f"stop_rate_of_fitting_{arm}"] = mean(stops) if stops else None
    return found


def main() -> None:
    """Run what is not in the results yet, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--base", type=Path, help="a folder that holds the converted base (default: the wheel)")
    parser.add_argument("--work", type=Path, default=Path("/tmp/quality"), help="the Hub of the runs and their logs")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=1, help="where two GPUs share the seeds")
    parser.add_argument("--at-once", type=int, default=6)
    parser.add_argument("--precision", default="float32", help="float32 or bfloat16")
    parser.add_argument("--best", nargs=2, metavar=("RATE", "EPOCHS"), help="take this point and leave the grid out")
    parser.add_argument("--minutes", type=float, default=1e9, help="start no run after this time")
    options = parser.parse_args()
    from local_hub.server import start
    from titlecraft.command_line.demo.catalogue import write_catalogue

    options.work.mkdir(parents=True, exist_ok=True)
    hub = start(options.work / "hub")
    os.environ.update(hub.environment(options.work / "home"))  # before the Hub's client is imported
    result: dict[str, Any] = json.loads(options.results.read_text()) if options.results.exists() else {"runs": {}}
    catalogue = options.catalogue or options.work / "trn.json"
    if not catalogue.exists():
        write_catalogue(catalogue, ROWS, 7)
    publish_base(options.base)
    titlecraft("build", str(catalogue), "--repo", DATASET, "--recipe=real", log=options.work / "build.log")
    runs, started, one_at_a_time = result["runs"], time.monotonic(), Lock()
    ON_SMOLLM.append(f"--training.precision={options.precision}")

    def run(name: str, recipe: list[str], form: str, seed: int, measured: bool) -> None:
        key = f"{name}-{form}-{seed}"
        if time.monotonic() - started > 60 * options.minutes:
            return
        try:
            figures = runs.get(key) or train(options.work, name, recipe, form, seed)
            if measured and "nll_per_token" not in figures:
                figures |= evaluate(options.work, name, form, seed)
            with one_at_a_time:
                runs[key] = figures
        except (RuntimeError, StopIteration, KeyError) as error:
            print(f"{key}: {error}", flush=True)
            return
        with one_at_a_time:
            print(key, json.dumps(runs[key])[:300], flush=True)
            write_results(options.results, result)

    best: dict[str, tuple[str, int]] = {}
    if options.best:
        best = dict.fromkeys(FORMATS, (options.best[0], int(options.best[1])))
    else:
        with ThreadPoolExecutor(options.at_once) as pool:
            list(
                pool.map(
                    lambda one: run(f"grid-{one[0][0]}-{one[0][1]}", grid_options(*one[0]), one[1], 1, False),
                    [(point, form) for point in GRID for form in FORMATS],
                )
            )
        for form in FORMATS:
            tried = {point: runs.get(f"grid-{point[0]}-{point[1]}-{form}-1") for point in GRID}
            known = {point: run["validation_nll"] for point, run in tried.items() if run}
            best[form] = min(known, key=lambda point: known[point])
    result["best"] = {form: {"learning_rate": point[0], "epochs": point[1]} for form, point in best.items()}
    jobs = [
        (name, recipe, form, seed, True)
        for seed in range(options.first_seed, options.first_seed + options.seeds)
        for form in FORMATS
        for name, recipe in recipes(best[form]).items()
    ]
    with ThreadPoolExecutor(options.at_once) as pool:
        list(pool.map(lambda job: run(*job), jobs))
    result["catalogue"] = "real rows" if options.catalogue else f"synthetic, {ROWS} rows"
    result["precision"] = options.precision
    summarise(result)
    for key, line in result["summary"].items():
        print(f"{key:<22}{json.dumps(line)}")
    print_bars(result["bars"])
    write_results(options.results, result)


if __name__ == "__main__":
    main()
