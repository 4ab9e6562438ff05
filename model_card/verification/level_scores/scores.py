"""Level scores: recomputes every measure of a report from predictions.parquet, with evaluation's own functions and seeds."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import pyarrow.parquet as pq

from evaluation.report.predictions import read_predictions
from evaluation.titles.draw import Title
from model_card.verification.level_scores.columns import expected_columns
from model_card.verification.level_scores.grounded import check_grounded
from model_card.verification.level_scores.measures import check_measures
from model_card.verification.level_scores.titles import check_titles
from model_card.verification.level_scores.values import check_values
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.records import PREDICTIONS, Code

DECISIVE_PACKAGES = ("bm25s", "numpy", "pyarrow", "rouge-score", "sacrebleu", "scipy", "tokenizers", "transformers")
OTHER_VERSIONS = 1e-9  # tolerance if a package has another version; with equal versions all numbers are equal


def verify_scores(state: RepoState) -> list[Line]:
    """Lines about every report that this code can read: the titles, the values of each title, and the measures."""
    lines: list[Line] = []
    for folder in state.readable_reports():
        checks = Checks("scores", folder)
        lines += checks.gather(check_report(checks, state, folder))
    return lines


def check_report(checks: Checks, state: RepoState, folder: str) -> Iterator[Line]:
    """One report: columns, measures, titles, then the values of each title."""
    record, file = state.report(folder), state.folder / folder / PREDICTIONS
    rows = read_predictions(file)
    tolerance, note = tolerance_for(record.code)
    yield checks.equal("columns of predictions.parquet", expected_columns(record), pq.read_schema(file).names)
    yield from checks.gather(check_measures(checks, record, rows, tolerance, note))
    titles: list[Title] = []
    yield from checks.gather(check_titles(checks, record, rows, titles))
    if len(titles) == len(rows):
        yield from checks.gather(check_grounded(checks, record, rows, titles))
        yield from checks.gather(check_values(checks, record, rows, titles, tolerance, note))
    if record.also:
        names = ", ".join(measure.name for measure in record.also)
        yield checks.not_looked_at(f"standard benchmarks ({names})", "in the report", "at level predictions only")


def tolerance_for(code: Code) -> tuple[float, str | None]:
    """The tolerance for the numbers of a report, and its reason. It is 0 if the decisive packages have the same versions."""
    differences = []
    for package in DECISIVE_PACKAGES:
        try:
            installed = version(package)
        except PackageNotFoundError:
            installed = "missing"
        if code.packages.get(package) != installed:
            differences.append(f"{package} {installed}, not {code.packages.get(package, 'noted')}")
    return (OTHER_VERSIONS, f"other versions: {', '.join(differences)}") if differences else (0.0, None)
