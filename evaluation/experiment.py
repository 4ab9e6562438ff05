"""The experiment itself, from pinned inputs to a folder with the report; publishes nothing."""

import os
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec

from evaluation.compare import INTERVAL_METHOD, compare
from evaluation.guards import check_scores, check_titles
from evaluation.harness import Outcome, run_pipeline
from evaluation.inputs import PACKAGES, Inputs
from evaluation.load import Loaded, load
from evaluation.measures import MEASURES
from evaluation.predictions import PREDICTIONS, write_predictions
from evaluation.progress import Progress
from evaluation.report import write_report
from evaluation.titles import SPLIT, Room, Sample, draw
from titlecraft.base_model import device_name
from titlecraft.hub import download
from titlecraft.records import Check, EvaluationRecord, Measure, current_code, describe_file
from titlecraft.settings import Evaluation, Recipe
from titlecraft.threads import steady_threads

TIMINGS = "timings.json"


def measure(inputs: Inputs, recipe: Recipe, folder: Path) -> EvaluationRecord:
    """Measure before and after; write report.json, report.html, predictions.parquet, plots and timings to `folder`.

    Raises UserError: too few titles, a guard that does not hold, the Hub is gone.
    """
    start, progress = perf_counter(), Progress()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    folder.mkdir(parents=True, exist_ok=True)
    with progress.part("loading"):
        loaded = load(inputs)
        sample = draw_sample(inputs, recipe, loaded)
    with steady_threads(loaded.model):
        scored = check_scores(loaded.model, sample.titles[0], loaded.tokenizer.pad_token_id, loaded.compiles)
        found = run_pipeline(
            loaded, sample, inputs.training.dataset, inputs.prompt, recipe.generation.max_new_tokens,
            recipe.evaluation.batch_size, progress, folder,
        )  # fmt: skip
    asked = check_titles(sample.titles, {arm: [one.prompt for one in outcomes] for arm, outcomes in found.items()})
    write_predictions(folder / PREDICTIONS, sample.titles, found)
    with progress.part("comparing"):
        measures = compare_arms(found, recipe.evaluation)
    record = describe(inputs, recipe, loaded, sample, [*loaded.checks, scored, *asked], measures, folder)
    with progress.part("reporting"):
        write_report(record, folder)
    write_timings(folder / TIMINGS, progress, perf_counter() - start)
    return record


def draw_sample(inputs: Inputs, recipe: Recipe, loaded: Loaded) -> Sample:
    """The titles of the pinned dataset that are asked."""
    pinned, settings = inputs.training.dataset, recipe.evaluation
    longest = min(inputs.training.base_settings.max_length, loaded.context)
    room = Room(scored=longest, context=loaded.context, new_tokens=recipe.generation.max_new_tokens)
    return draw(
        download(pinned, ["data/*.parquet"]), inputs.prompt, loaded.tokenizer, room, settings.titles, settings.seed,
        name=f"dataset {pinned}",
    )  # fmt: skip


def compare_arms(found: dict[str, list[Outcome]], settings: Evaluation) -> list[Measure]:
    """Every measure, paired by title."""
    values = {arm: {entry.name: [one.values[entry.name] for one in outcomes] for entry in MEASURES}
              for arm, outcomes in found.items()}  # fmt: skip
    return [compare(entry, values["before"][entry.name], values["after"][entry.name], settings) for entry in MEASURES]


def describe(
    inputs: Inputs, recipe: Recipe, loaded: Loaded, sample: Sample, guards: list[Check], measures: list[Measure],
    folder: Path,
) -> EvaluationRecord:  # fmt: skip
    """The record, report.json to be."""
    return EvaluationRecord(
        id=inputs.id, key=inputs.key, code=current_code("evaluation", *PACKAGES), dataset=inputs.training.dataset,
        base=inputs.training.base, adapter=inputs.adapter, split=SPLIT, evaluation=recipe.evaluation,
        generation=recipe.generation, base_settings=inputs.training.base_settings,
        quantization=loaded.base.quantization, precision=loaded.base.precision, device=device_name(),
        n=len(sample.titles), titles_available=sample.available, excluded=sample.excluded,
        references_cut=sample.cut(), guards=guards, interval_method=INTERVAL_METHOD, measures=measures,
        files=[describe_file(folder, folder / PREDICTIONS)],
    )  # fmt: skip


def write_timings(file: Path, progress: Progress, total: float) -> None:
    """Clock times, apart from report.json: seconds of each part, and the answers that were counted in it."""
    parts = {
        name: {"seconds": round(seconds, 3), "answers": progress.counts.get(name)}
        for name, seconds in progress.seconds.items()
    }
    times: dict[str, Any] = {"total_seconds": round(total, 3), "parts": parts}
    file.write_bytes(msgspec.json.format(msgspec.json.encode(times), indent=2) + b"\n")
