"""Level predictions: the whole experiment once more from the pins, by evaluation.experiment, and every text and value compared.

On a CPU with the same versions all bytes are equal, also with another number of threads (benchmarks/results/
reproducibility.json). How far another device or other versions move a score is not measured: where they make a difference, it
is shown and not judged ("could not be looked at"), for nothing says how large it may be.
"""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from model_card.verification.level_scores.scores import measure_line
from model_card.verification.lines.checks import Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.records import PREDICTIONS, EvaluationRecord, file_sha256, sources_sha256
from titlecraft.settings import Recipe

DRAWN = ("uid", "title", "prompt", "reference")  # columns that no model and no device has a part in
NOT_JUDGED = "a tolerance for {why} is not measured: shown, not judged"


def verify_predictions(state: RepoState, work: Path | None) -> list[Line]:
    """Every report that this code can read, measured again. `work` keeps finished batches for an interrupted verification."""
    lines: list[Line] = []
    for folder in state.readable_reports():
        checks = Checks("predictions", folder)
        lines += checks.gather(of_report(checks, state, folder, work))
    return lines


def of_report(checks: Checks, state: RepoState, folder: str, work: Path | None) -> Iterator[Line]:
    """One report: measure, then compare the predictions column by column and the record measure by measure."""
    from evaluation.experiment import measure
    from evaluation.inputs import read_inputs
    from evaluation.report.predictions import read_predictions

    record = state.report(folder)
    recipe = Recipe(evaluation=record.evaluation, generation=record.generation)
    inputs = read_inputs(f"{record.adapter.repo}@{record.adapter.revision}", recipe)
    kept = None if work is None else work / inputs.key
    with TemporaryDirectory() as temporary:
        again = measure(inputs, recipe, Path(temporary), kept)
        rows, new = (read_predictions(place / PREDICTIONS) for place in (state.folder / folder, Path(temporary)))
        same_bytes = file_sha256(state.folder / folder / PREDICTIONS) == file_sha256(Path(temporary) / PREDICTIONS)
    if kept is not None:
        rmtree(kept, ignore_errors=True)
    others = different_here(record, again)
    if others and not same_bytes:  # its columns follow, each with a verdict of its own
        yield checks.not_looked_at("predictions.parquet, made again", "the same bytes", "other bytes", reason(others))
    else:
        yield checks.equal("predictions.parquet, made again", "the same bytes", "the same bytes" if same_bytes else
                           "other bytes", None if same_bytes else reason(others))  # fmt: skip
    yield checks.equal("titles", len(rows), len(new))
    for name in rows[0] if rows else ():
        line = column_line(checks, name, [row[name] for row in rows], [row.get(name) for row in new], reason(others))
        yield line if name in DRAWN else judged_here(line, others)
    yield from of_record(checks, record, again, others)


def judged_here(line: Line, others: list[str]) -> Line:
    """The line; where a difference may come from this machine or this code, it is shown and not judged."""
    if not others or line.verdict != "does not hold":
        return line
    return msgspec.structs.replace(line, verdict="could not be looked at")


def of_record(checks: Checks, record: EvaluationRecord, again: EvaluationRecord, others: list[str]) -> Iterator[Line]:
    """All that report.json says, beside what the machine and the code are."""
    for what in ("measures", "sampled", "also"):
        claimed, derived = getattr(record, what), getattr(again, what)
        yield checks.equal(f"{what}: names", [one.name for one in claimed], [one.name for one in derived])
        for one, other in zip(claimed, derived, strict=True):
            line = measure_line(
                checks, f"{what}, made again: ", one, other, 0.0, reason(others) if one != other else None
            )
            yield judged_here(line, others)
    yield checks.equal(
        "guards", [(one.name, one.holds) for one in record.guards], [(one.name, one.holds) for one in again.guards]
    )
    for field in ("dataset", "base", "adapter", "split", "n", "titles_available", "excluded", "references_cut", "benchmarks",
                  "quantization", "precision", "interval_method", "not_measured", "near_not_looked_for"):  # fmt: skip
        yield checks.equal(field, getattr(record, field), getattr(again, field))
    if record.code == again.code:
        yield checks.equal("key", record.key, again.key)


def different_here(record: EvaluationRecord, again: EvaluationRecord) -> list[str]:
    """What may move a score here: the device, and versions of packages; our own code where its bytes are others."""
    from evaluation.inputs import PACKAGES

    found = [f"{again.device} in place of {record.device}"] if again.device != record.device else []
    for package in PACKAGES:
        try:
            here = version(package)
        except PackageNotFoundError:
            here = None
        if record.code.packages.get(package) != here:
            found.append(
                f"{package} {here or 'missing'} in place of {record.code.packages.get(package, 'what was not noted')}"
            )
    if record.code.sources != sources_sha256("evaluation"):
        found.append("other source code of Titlecraft")
    return found


def reason(others: list[str]) -> str:
    """What a difference means, in words."""
    return NOT_JUDGED.format(why="; ".join(others)) if others else "same device, versions and code: must be equal"


def column_line(checks: Checks, name: str, claimed: list[Any], derived: list[Any], why: str) -> Line:
    """One column of predictions.parquet; where it does not hold, how many rows differ, and how far at most."""
    wrong = [place for place, pair in enumerate(zip(claimed, derived, strict=False)) if pair[0] != pair[1]]
    count = f"{len(claimed):,} values"
    if not wrong and len(claimed) == len(derived):
        return checks.line(f"{name}, made again", count, "equal", True, "equal")
    note = f"first in row {wrong[0] + 1}" if wrong else "other titles"
    if wrong and all(isinstance(one, float) for one in (*claimed, *derived)):
        note += f", at most {max(abs(claimed[place] - derived[place]) for place in wrong):.3g} apart"
    return checks.line(f"{name}, made again", count, f"{len(wrong):,} are others", False, "equal", f"{note}; {why}")
