"""Runs the experiment: pinned inputs -> a folder with the report. Publishes nothing."""

import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
from msgspec import UNSET

from evaluation.guards import check_scores, check_titles
from evaluation.inputs import PACKAGES, Inputs
from evaluation.lighteval_harness.forgetting import compare_benchmarks, find_benchmarks
from evaluation.lighteval_harness.hub_tasks import benchmark_results
from evaluation.lighteval_harness.pipeline import run_pipeline
from evaluation.lookup.sources import Lookup
from evaluation.measures import measures_of
from evaluation.model.finished_batches import FinishedBatches, machine_of
from evaluation.outcome import Outcome
from evaluation.processes import kept_processes
from evaluation.progress import Progress
from evaluation.readable import not_measured, readable_only, require_primary
from evaluation.report.predictions import write_predictions
from evaluation.report.wording import plan
from evaluation.report.write import write_report
from evaluation.statistics.all_answers import describe_all
from evaluation.statistics.compare import INTERVAL_METHOD, compare_arms, compare_grounded, compare_sampled
from evaluation.titles.clusters import clusters_of, describe_clusters
from evaluation.titles.draw import SPLIT, Sample, TokenLimits, draw, searching_training
from evaluation.titles.grounded import GroundedSample, check_sources, describe_grounded, ground
from evaluation.titles.training_split import InTraining
from titlecraft.models.adapter.load import Loaded, load
from titlecraft.models.base.model import device_name
from titlecraft.models.decoding.open import open_decoder
from titlecraft.process.threads import steady_threads
from titlecraft.records import PREDICTIONS, Check, EvaluationRecord, Pin, current_code, describe_file
from titlecraft.records.repo_files import TIMINGS
from titlecraft.records.third_party import third_party_of
from titlecraft.rows.folder import rows_folder
from titlecraft.rows.index import index_of_rows
from titlecraft.settings import Recipe


@kept_processes()
def measure(inputs: Inputs, recipe: Recipe, folder: Path, kept: Path | None = None) -> EvaluationRecord:
    """Measure before and after; write report.json, report.html, predictions.parquet, plots and timings to `folder`.

    `kept` is a folder that keeps each finished batch, so that an interrupted run can continue.
    Raises UserError: too few titles, a guard that fails, an unreachable Hub.
    """
    start, progress = perf_counter(), Progress()
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    folder.mkdir(parents=True, exist_ok=True)
    recipe = replace(recipe, evaluation=inputs.evaluation)
    benchmarks = find_benchmarks(recipe.evaluation.benchmarks)
    with progress.part("loading"):
        dataset = rows_folder(inputs.training.dataset, inputs.training.row_settings)
        with searching_training(dataset, f"dataset {inputs.training.dataset}") as in_training:
            loaded = load(inputs)
            sample = draw_sample(dataset, inputs, recipe, loaded, in_training)
        print(plan(recipe.evaluation, len(sample.titles)), flush=True)
        titles, references = [row.title for row in sample.titles], [row.reference for row in sample.titles]
        require_primary(recipe.evaluation, titles, references)
        grounded = find_sources(inputs, recipe, loaded, sample)
        lookup = Lookup.over(dataset, sample, recipe.evaluation)
    with steady_threads(loaded.model):
        decoder = open_decoder(loaded, recipe.evaluation.batch_size)
        score_check = check_scores(
            loaded.model,
            sample.titles,
            loaded.tokenizer.pad_token_id,
            loaded.compiles,
            recipe.evaluation.batch_size,
            decoder.states,
        )
        finished = FinishedBatches(kept, {"key": inputs.key, **machine_of(loaded)})
        if len(finished):
            say(f"continuing an interrupted run with {len(finished)} finished batches; --fresh starts anew")
        outcomes = run_pipeline(
            loaded,
            decoder,
            sample,
            lookup,
            dataset if inputs.training.rows else inputs.training.dataset,
            inputs.prompt,
            recipe,
            progress,
            finished,
            folder,
            grounded.titles if grounded else (),
        )
        benchmark_measures = compare_benchmarks(loaded, benchmarks, recipe.evaluation, progress, finished, folder)
        if finished.found:
            say(f"batches: {finished.summary()}")
    prompts = {arm: [outcome.prompt for outcome in of_arm] for arm, of_arm in outcomes.items() if arm != "grounded"}
    prompt_checks = check_titles(sample.titles, prompts)
    if grounded:
        prompt_checks += check_sources(sample.titles, grounded)
    outcomes = readable_only(outcomes, titles, references)
    clusters = clusters_of(sample.clustering)
    write_predictions(folder / PREDICTIONS, sample.titles, outcomes, recipe.evaluation, grounded, clusters)
    with progress.part("comparing"):
        left_out = not_measured(outcomes, titles, references, recipe.evaluation, measures_of(recipe.evaluation))
        results = {
            "not_measured": left_out or UNSET,
            "measures": compare_arms(outcomes, references, recipe.evaluation, clusters),
            "sampled": compare_sampled(outcomes, recipe.evaluation, clusters),
            "also": benchmark_measures,
            "benchmark_results": benchmark_results(benchmarks, benchmark_measures) or UNSET,
            "grounded": grounded
            and describe_grounded(grounded, compare_grounded(outcomes, references, recipe.evaluation, clusters)),
            "answers": describe_all(
                looked_up(outcomes, lookup, "before"),
                looked_up(outcomes, lookup, "after"),
                lookup.copies.all_copied_words,
            ),
        }
    benchmark_pins = list({str(benchmark.dataset): benchmark.dataset for benchmark in benchmarks}.values())
    record = describe(
        inputs, recipe, loaded, sample, [*loaded.checks, score_check, *prompt_checks], results, benchmark_pins, folder
    )
    with progress.part("reporting"):
        write_report(record, folder)
    write_timings(folder / TIMINGS, progress, finished, perf_counter() - start)
    return record


def draw_sample(
    dataset: Path, inputs: Inputs, recipe: Recipe, loaded: Loaded, in_training: Callable[[], InTraining]
) -> Sample:
    """Draw the recipe's number of titles from the test split of the downloaded dataset."""
    settings = recipe.evaluation
    return draw(
        dataset,
        inputs.prompt,
        loaded.tokenizer,
        token_limits(inputs, recipe, loaded),
        settings.titles,
        settings.seed,
        name=f"dataset {inputs.training.dataset}",
        in_training=in_training,
    )


def token_limits(inputs: Inputs, recipe: Recipe, loaded: Loaded) -> TokenLimits:
    """Return the maximum number of tokens of a prompt with its reference, and with its answer."""
    longest = min(inputs.training.base_settings.max_length, loaded.context)
    return TokenLimits(scored=longest, context=loaded.context, new_tokens=recipe.generation.max_new_tokens)


def looked_up(outcomes: dict[str, list[Outcome]], lookup: Lookup, arm: str) -> list[tuple[str, bool]]:
    """Return the greedy answers of an arm, looked up in the training split, and whether each ended with EOS."""
    texts = [outcome.texts[0] for outcome in outcomes[arm]]
    if missing := set(texts) - lookup.copies.covered.keys():
        lookup.copies.look_up(sorted(missing))
    return [(text, outcome.values["stop_rate"] == 1) for text, outcome in zip(texts, outcomes[arm], strict=True)]


def find_sources(inputs: Inputs, recipe: Recipe, loaded: Loaded, sample: Sample) -> GroundedSample | None:
    """Return the sample's titles with sources in their prompts; None if the recipe has no third arm."""
    if not recipe.evaluation.grounded:
        return None
    rows = index_of_rows(inputs.training.dataset, inputs.training.row_settings)
    return ground(sample.titles, rows, inputs.prompt, loaded.tokenizer, token_limits(inputs, recipe, loaded))


def describe(
    inputs: Inputs,
    recipe: Recipe,
    loaded: Loaded,
    sample: Sample,
    guards: list[Check],
    results: dict[str, Any],
    benchmarks: list[Pin],
    folder: Path,
) -> EvaluationRecord:
    """Return the record of the evaluation, which is published as report.json."""
    return EvaluationRecord(
        id=inputs.id,
        key=inputs.key,
        code=current_code("evaluation", *PACKAGES),
        dataset=inputs.training.dataset,
        base=inputs.training.base,
        adapter=inputs.adapter,
        split=SPLIT,
        evaluation=recipe.evaluation,
        generation=recipe.generation,
        base_settings=inputs.training.base_settings,
        quantization=loaded.base.quantization,
        precision=loaded.base.precision,
        device=device_name(),
        n=len(sample.titles),
        titles_available=sample.available,
        excluded=sample.excluded,
        references_cut=sample.cut(),
        near_not_looked_for=sample.near_not_looked_for or UNSET,
        clusters=describe_clusters(sample.clustering),
        third_party=third_party_of(inputs.training),
        guards=guards,
        interval_method=INTERVAL_METHOD,
        benchmarks=benchmarks,
        files=[describe_file(folder, folder / PREDICTIONS)],
        **results,
    )


def say(line: str) -> None:
    """Print a line of progress to stderr."""
    print(line, file=sys.stderr, flush=True)


def write_timings(file: Path, progress: Progress, finished: FinishedBatches, total: float) -> None:
    """Write seconds and number of answers of each part; report.json has no clock times.

    `batches_found` counts the batches that an interrupted run had finished: their time is not in these seconds.
    """
    parts = {
        name: {"seconds": round(seconds, 3), "answers": progress.counts.get(name)}
        for name, seconds in progress.seconds.items()
    }
    times: dict[str, Any] = {"total_seconds": round(total, 3), "parts": parts, "batches_found": dict(finished.found)}
    file.write_bytes(msgspec.json.format(msgspec.json.encode(times), indent=2) + b"\n")
