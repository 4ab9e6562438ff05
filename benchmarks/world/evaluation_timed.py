"""Times one evaluation for benchmarks/evaluation_speed.py: seconds of its parts, and the amount of work in each."""

import json
import time
from pathlib import Path
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
        "generating": rates(calls),
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


def timed_answers() -> list[tuple[int, float]]:
    """Record the tokens and seconds of each call of the decoder from now on; its answers are lists, so that no work is pending."""
    from evaluation.lighteval_harness.pipeline import restored_process
    from evaluation.lighteval_harness.without_inspect import INSPECT, without

    with restored_process(), without(INSPECT):
        from evaluation import experiment
        from evaluation.lighteval_harness import arms  # noqa: F401

    calls, opened = [], experiment.open_decoder

    def open_timed(*arguments: Any) -> Any:
        decoder = opened(*arguments)
        answer = decoder.answers

        def timed(requests: Any) -> Any:
            started = time.perf_counter()
            answers = answer(requests)
            calls.append((sum(map(len, answers)), time.perf_counter() - started))
            return answers

        decoder.answers = timed
        return decoder

    experiment.open_decoder = open_timed
    return calls


def outermost(parts: dict[str, float], total: float) -> dict[str, float]:
    """Return the seconds of consecutive parts that add up to the total."""
    inner = ("generating", "scoring", "rereading", "looking up")
    found = {name: one for name, one in parts.items() if name not in ("model and measures", "importing lighteval")}
    found["measures by title"] = parts["model and measures"] - sum(parts[name] for name in inner)
    return found | {"the rest": total - sum(found.values())}


def rates(calls: list[tuple[int, float]]) -> dict[str, Any]:
    """Return tokens per second of each call of the decoder, which alternate between the arms; the first of each prepares its step."""
    return {
        "calls": [{"tokens": tokens, "seconds": round(seconds, 2)} for tokens, seconds in calls],
        "tokens_per_second": round(sum(tokens for tokens, _ in calls) / sum(seconds for _, seconds in calls)),
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
