"""Level predictions: runs the whole evaluation again from the pins, and compares every text and every value.

On a CPU with the same versions all bytes are equal, also with another number of threads (benchmarks/results/
reproducibility.json). By how much another device or other versions change a score is not measured. Where they make a
difference, the line shows it without a verdict ("could not be looked at").
"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from evaluation.experiment import measure
from evaluation.inputs import PACKAGES, read_inputs
from evaluation.report.predictions import read_predictions
from model_card.verification.level_scores.measures import measure_line
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from model_card.verification.validation_loss import verify_validation
from titlecraft.records import PREDICTIONS, EvaluationRecord, file_sha256, sources_sha256
from titlecraft.settings import Recipe

DETERMINISTIC = ("uid", "title", "prompt", "reference")  # columns that depend on no model and no device
NOT_JUDGED = "a tolerance for {why} is not measured: shown, not judged"
# fields of report.json that depend on neither the machine nor the code
FIELDS = (
    "dataset",
    "base",
    "adapter",
    "split",
    "n",
    "titles_available",
    "excluded",
    "references_cut",
    "benchmarks",
    "quantization",
    "precision",
    "interval_method",
    "not_measured",
    "near_not_looked_for",
    "clusters",
    "answers",
)


def verify_predictions(state: RepoState, work: Path | None) -> list[Line]:
    """Lines about every report that this code can read, then about the validation in training. `work` stores finished batches, to resume an interrupted run."""
    lines: list[Line] = []
    for folder in state.readable_reports():
        checks = Checks("predictions", folder)
        lines += checks.gather(check_report(checks, state, folder, work))
    return lines + verify_validation(state)


def check_report(checks: Checks, state: RepoState, folder: str, work: Path | None) -> Iterator[Line]:
    """One report: evaluates again, then compares the predictions by column and the record by measure."""
    record, published = state.report(folder), state.folder / folder / PREDICTIONS
    recipe = Recipe(evaluation=record.evaluation, generation=record.generation)
    inputs = read_inputs(f"{record.adapter.repo}@{record.adapter.revision}", recipe)
    batches = None if work is None else work / inputs.key
    with TemporaryDirectory() as temporary:
        recomputed_record = measure(inputs, recipe, Path(temporary), batches)
        new_predictions = Path(temporary) / PREDICTIONS
        rows, new_rows = read_predictions(published), read_predictions(new_predictions)
        same_bytes = file_sha256(published) == file_sha256(new_predictions)
    if batches is not None:
        rmtree(batches, ignore_errors=True)
    differences = environment_differences(record, recomputed_record)
    claim = "predictions.parquet, made again"
    if differences and not same_bytes:  # each of its columns has a line with a verdict
        yield checks.not_looked_at(claim, "the same bytes", "other bytes", explain(differences))
    else:
        derived, note = ("the same bytes", None) if same_bytes else ("other bytes", explain(differences))
        yield checks.equal(claim, "the same bytes", derived, note)
    yield checks.equal("titles", len(rows), len(new_rows))
    for name in rows[0] if rows else ():
        claimed, derived = [row[name] for row in rows], [row.get(name) for row in new_rows]
        line = column_line(checks, name, claimed, derived, explain(differences))
        yield line if name in DETERMINISTIC else without_verdict(line, differences)
    yield from check_record(checks, record, recomputed_record, differences)


def without_verdict(line: Line, differences: list[str]) -> Line:
    """The line; if it does not hold and the environment differs, its verdict becomes "could not be looked at"."""
    if not differences or line.verdict != "does not hold":
        return line
    return msgspec.structs.replace(line, verdict="could not be looked at")


def check_record(
    checks: Checks, record: EvaluationRecord, recomputed_record: EvaluationRecord, differences: list[str]
) -> Iterator[Line]:
    """The content of report.json except for machine and code."""
    for section in ("measures", "sampled", "also"):
        claimed, derived = getattr(record, section), getattr(recomputed_record, section)
        claimed_names, derived_names = ([measure.name for measure in measures] for measures in (claimed, derived))
        yield checks.equal(f"{section}: names", claimed_names, derived_names)
        for published, recomputed in zip(claimed, derived, strict=True):
            note = explain(differences) if published != recomputed else None
            line = measure_line(checks, f"{section}, made again: ", published, recomputed, 0.0, note)
            yield without_verdict(line, differences)
    claimed, derived = (
        [(guard.name, guard.holds) for guard in report.guards] for report in (record, recomputed_record)
    )
    yield checks.equal("guards", claimed, derived)
    for field in FIELDS:
        yield checks.equal(field, getattr(record, field), getattr(recomputed_record, field))
    if record.code == recomputed_record.code:
        yield checks.equal("key", record.key, recomputed_record.key)


def environment_differences(record: EvaluationRecord, recomputed_record: EvaluationRecord) -> list[str]:
    """What may change a score here: another device, other versions of packages, other source code of Titlecraft."""
    differences = (
        [f"{recomputed_record.device} in place of {record.device}"] if recomputed_record.device != record.device else []
    )
    for package in PACKAGES:
        try:
            installed = version(package)
        except PackageNotFoundError:
            installed = None
        if record.code.packages.get(package) != installed:
            recorded = record.code.packages.get(package, "what was not noted")
            differences.append(f"{package} {installed or 'missing'} in place of {recorded}")
    if record.code.sources != sources_sha256("evaluation"):
        differences.append("other source code of Titlecraft")
    return differences


def explain(differences: list[str]) -> str:
    """The meaning of a difference for the reader of a line."""
    return (
        NOT_JUDGED.format(why="; ".join(differences))
        if differences
        else "same device, versions and code: must be equal"
    )


def column_line(checks: Checks, name: str, claimed: list[Any], derived: list[Any], explanation: str) -> Line:
    """One column of predictions.parquet. If it does not hold, the note says how many rows differ and by how much at most."""
    wrong = [row for row, pair in enumerate(zip(claimed, derived, strict=False)) if pair[0] != pair[1]]
    count = f"{len(claimed):,} values"
    if not wrong and len(claimed) == len(derived):
        return checks.line(f"{name}, made again", count, "equal", True, "equal")
    note = f"first in row {wrong[0] + 1}" if wrong else "other titles"
    if wrong and all(isinstance(value, float) for value in (*claimed, *derived)):
        note += f", at most {max(abs(claimed[row] - derived[row]) for row in wrong):.3g} apart"
    note += f"; {explanation}"
    return checks.line(f"{name}, made again", count, f"{len(wrong):,} are others", False, "equal", note)
