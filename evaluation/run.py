"""titlecraft evaluate --adapter NS/NAME[@REV]: adapter repo @A -> one commit with evaluation/<id>/ and a new card.

Imports no model library until there is something to measure: a report that is there already comes back at once.
"""

import os
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import msgspec

from evaluation.inputs import PACKAGES, Inputs, published_report, read_inputs
from titlecraft.errors import UserError
from titlecraft.hub import download, published_pin, require_write
from titlecraft.publishing import publish, sole_publisher, work_folder
from titlecraft.records import (
    REPORT,
    EvaluationRecord,
    Pin,
    current_code,
    describe_file,
    read_record,
)
from titlecraft.settings import Recipe

TIMINGS = "timings.json"


def evaluate(
    adapter: str, recipe: Recipe, *, fresh: bool, write_card: Callable[[Path, str], None]
) -> tuple[Pin, EvaluationRecord]:
    """Measure an adapter before and after, and publish the report beside it.

    Args:
        adapter: NAMESPACE/NAME or NAMESPACE/NAME@REVISION of a repo that `titlecraft train` published.
        recipe: its `evaluation` and `generation` sections are read; all else comes from the training record.
        fresh: measure again even where the repo has a report of the same inputs and settings.
        write_card: called with the folder to publish, which holds the new report, and the repo's id; it writes
            README.md there. (The card has one owner, and this stage does not import it.)

    Returns:
        The repo's new head (the present one where the report was there) and the report's record.

    Raises:
        UserError: not an adapter of ours, too few titles, a guard that does not hold, no write right, the Hub is gone.
    """
    inputs = read_inputs(adapter, recipe)
    repo = inputs.adapter.repo
    head = published_pin(repo, "model") or inputs.adapter
    if not fresh and (record := published_report(inputs, head)):
        return head, record
    require_write(repo)
    with sole_publisher(repo, "model"), TemporaryDirectory(dir=work_folder("evaluation", repo)) as scratch:
        folder = Path(scratch) / "publish"
        record = measure(inputs, recipe, folder / inputs.folder)
        write_card(folder, repo)
        published = publish(
            repo, "model", folder, f"Evaluation {record.id}: {record.n} titles, before and after", private=True,
            replaces=(f"{inputs.folder}/*",), check=lambda local: check_report(local / inputs.folder, record),
        )  # fmt: skip
    return published, record


def measure(inputs: Inputs, recipe: Recipe, folder: Path) -> EvaluationRecord:
    """Run the experiment; write report.json, report.html, predictions.parquet, plots and timings.json to `folder`."""
    from evaluation.compare import INTERVAL_METHOD, compare
    from evaluation.guards import check_scores, check_titles
    from evaluation.harness import run_pipeline
    from evaluation.load import load
    from evaluation.measures import MEASURES
    from evaluation.predictions import PREDICTIONS, write_predictions
    from evaluation.progress import Progress
    from evaluation.report import write_report
    from evaluation.titles import SPLIT, Room, draw
    from titlecraft.base_model import device_name

    start, progress = perf_counter(), Progress()
    training, settings = inputs.training, recipe.evaluation
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    folder.mkdir(parents=True, exist_ok=True)
    with progress.part("loading"):
        loaded = load(inputs)
        dataset = download(training.dataset, ["data/*.parquet"])
        new_tokens = recipe.generation.max_new_tokens
        room = Room(min(training.base_settings.max_length, loaded.context), loaded.context, new_tokens)
        sample = draw(dataset, inputs.prompt, loaded.tokenizer, room, settings.titles, settings.seed)
    guards = [*loaded.checks, check_scores(loaded.model, sample.titles[0], loaded.tokenizer.pad_token_id)]
    found = run_pipeline(
        loaded, sample, training.dataset, inputs.prompt, new_tokens, settings.batch_size, progress, folder
    )
    guards += check_titles(sample.titles, {arm: [one.prompt for one in outcomes] for arm, outcomes in found.items()})
    with progress.part("comparing"):
        before, after = found["before"], found["after"]
        measures = [
            compare(
                entry, [one.values[entry.name] for one in before], [one.values[entry.name] for one in after], settings
            )
            for entry in MEASURES
        ]  # fmt: skip
    write_predictions(folder / PREDICTIONS, sample.titles, found)
    record = EvaluationRecord(
        id=inputs.id, key=inputs.key, code=current_code(*PACKAGES), dataset=training.dataset, base=training.base,
        adapter=inputs.adapter, split=SPLIT, evaluation=settings, generation=recipe.generation,
        base_settings=training.base_settings, quantization=loaded.base.quantization, precision=loaded.base.precision,
        device=device_name(), n=len(sample.titles), titles_available=sample.available, excluded=sample.excluded,
        references_cut=sample.cut(), guards=guards, interval_method=INTERVAL_METHOD, measures=measures,
        files=[describe_file(folder, folder / PREDICTIONS)],
    )  # fmt: skip
    with progress.part("reporting"):
        write_report(record, folder)
    write_timings(folder / TIMINGS, progress, perf_counter() - start)
    return record


def write_timings(file: Path, progress: Any, total: float) -> None:
    """Clock times, apart from report.json: seconds per part, and what was counted in it."""
    times = {"total_seconds": round(total, 3)} | {
        "parts": {
            name: {"seconds": round(seconds, 3), "answers": progress.counts.get(name)}
            for name, seconds in progress.seconds.items()
        }
    }
    file.write_bytes(msgspec.json.format(msgspec.json.encode(times), indent=2) + b"\n")


def check_report(folder: Path, record: EvaluationRecord) -> None:
    """What came back from the Hub is the report, and its predictions give its means. Raises UserError."""
    from evaluation.predictions import PREDICTIONS, read_predictions

    back = read_record((folder / REPORT).read_bytes(), EvaluationRecord, f"{folder}/{REPORT}")
    rows = read_predictions(folder / PREDICTIONS)
    primary = back.primary()
    mean = sum(row[f"{primary.name}_after"] for row in rows) / len(rows)
    if back != record or len(rows) != record.n or abs(mean - primary.after) > 1e-9:
        raise UserError(f"the report that came back is not the one that was published: {folder}")
