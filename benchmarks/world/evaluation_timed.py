"""Times one evaluation for benchmarks/evaluation_speed.py: seconds of its parts, and the amount of work in each."""

import json
import time
from pathlib import Path
from statistics import median
from typing import Any


def evaluate(adapter: str, recipe: Any, folder: Path) -> dict[str, Any]:
    """Call evaluation.experiment.measure as `titlecraft evaluate` does; return seconds and amount of work of its parts."""
    import shutil

    import torch

    from evaluation.experiment import measure
    from evaluation.inputs import read_inputs

    shutil.rmtree(folder, ignore_errors=True)
    started = time.perf_counter()
    calls = timed_answers()
    importing = time.perf_counter() - started
    record = measure(read_inputs(adapter, recipe), recipe, folder / "report", kept=folder / "batches")
    total = time.perf_counter() - started
    parts = {
        name: part["seconds"]
        for name, part in json.loads((folder / "report" / "timings.json").read_text())["parts"].items()
    }
    return {
        "seconds": {
            "all": round(total, 1),
            "importing": round(importing, 1),
            **{name: round(one, 1) for name, one in outermost(parts, total - importing).items()},
        },
        "titles": record.n,
        "batch": recipe.evaluation.batch_size,
        "new_tokens": recipe.generation.max_new_tokens,
        "generating": rates(calls, recipe),
        "scored_tokens": scored_tokens(folder / "report", adapter, record),
        "one_half_in_coherence": named(record, "coherence").neutral_before,
        "stopped": {arm: getattr(named(record, "stop_rate"), arm) for arm in record.arms},
        "quantization": record.quantization,
        "unpacked": any("copies of the 4-bit" in one.name for one in record.guards),
        "peak_gb": peak(torch.cuda.max_memory_allocated()) if torch.cuda.is_available() else None,
        "reserved_gb": peak(torch.cuda.max_memory_reserved()) if torch.cuda.is_available() else None,
    }


def named(record: Any, name: str) -> Any:
    """Return a measure of a record by its name."""
    return next(one for one in record.measures if one.name == name)


def peak(number: int) -> float:
    """Return bytes in GB."""
    return round(number / 1e9, 2)


def timed_answers() -> list[float]:
    """Record the seconds of each generated batch from now on; answers are moved to the CPU, so that no work is pending."""
    from evaluation.lighteval_harness.pipeline import restored_process

    with restored_process():
        from evaluation.lighteval_harness import arms

    seconds, generate = [], arms.generate

    def timed(*arguments: Any) -> Any:
        started = time.perf_counter()
        answers = generate(*arguments)
        seconds.append(time.perf_counter() - started)
        return answers

    arms.generate = timed
    return seconds


def outermost(parts: dict[str, float], total: float) -> dict[str, float]:
    """Return the seconds of consecutive parts that add up to the total."""
    inner = ("generating", "scoring", "rereading", "looking up")
    found = {name: one for name, one in parts.items() if name not in ("model and measures", "importing lighteval")}
    found["measures by title"] = parts["model and measures"] - sum(parts[name] for name in inner)
    return found | {"the rest": total - sum(found.values())}


def rates(calls: list[float], recipe: Any) -> dict[str, Any]:
    """Return the time of each arm's first batch, which compiles the step, and the tokens per second of later full batches."""
    full = recipe.evaluation.batch_size * recipe.generation.max_new_tokens
    return {
        "first_of_each_arm": [round(one, 1) for one in calls[:2]],
        "batches": len(calls),
        "tokens_per_second": round(full / median(calls[2:-2] or calls[2:] or calls)),
    }


def scored_tokens(folder: Path, adapter: str, record: Any) -> int:
    """Return the number of scored tokens of both arms after both prompts, including BOS and EOS, without padding."""
    from evaluation.report.predictions import read_predictions
    from titlecraft.records import PREDICTIONS

    found = read_predictions(folder / PREDICTIONS)
    room = record.base_settings.max_length
    prompts = [len(row["prompt"].split()) + 1 for row in found]
    references = [min(row["reference_tokens"], room - prompt) for row, prompt in zip(found, prompts, strict=True)]
    return 2 * 2 * (sum(prompts) + sum(references))  # the other prompts are the same prompts
