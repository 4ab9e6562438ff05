"""Level scores: every measure of a report from predictions.parquet alone, by evaluation's own functions and seeds."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec

from model_card.verification.level_scores.grounded import verify_grounded
from model_card.verification.level_scores.titles import verify_titles
from model_card.verification.level_scores.values import verify_values
from model_card.verification.lines.checks import EXACT, Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.records import PREDICTIONS, Code, EvaluationRecord, Measure, column, sampled_arm, tokens_column

DECIDE = ("bm25s", "numpy", "pyarrow", "rouge-score", "sacrebleu", "scipy", "tokenizers", "transformers")
OTHER_VERSIONS = 1e-9  # between two versions of the packages; with the same ones all numbers are equal
ARMS = ("before", "after")


def verify_scores(state: RepoState) -> list[Line]:
    """Every report that this code can read: the titles, the values of each title, and the measures."""
    lines: list[Line] = []
    for folder in state.readable_reports():
        checks = Checks("scores", folder)
        lines += checks.gather(of_report(checks, state, folder))
    return lines


def of_report(checks: Checks, state: RepoState, folder: str) -> Iterator[Line]:
    """From the dataset's titles to the report's numbers."""
    from evaluation.report.predictions import read_predictions

    record = state.report(folder)
    rows = read_predictions(state.folder / folder / PREDICTIONS)
    apart, note = tolerance(record.code)
    yield checks.equal(
        "columns of predictions.parquet", expected_columns(record), columns(state.folder / folder / PREDICTIONS)
    )
    yield from checks.gather(of_measures(checks, record, rows, apart, note))
    titles: list[Any] = []
    yield from checks.gather(verify_titles(checks, state, record, rows, titles))
    if len(titles) == len(rows):
        yield from checks.gather(verify_grounded(checks, state, record, rows, titles))
        yield from checks.gather(verify_values(checks, state, record, rows, titles, apart, note))
    if record.also:
        names = ", ".join(measure.name for measure in record.also)
        yield checks.not_looked_at(f"standard benchmarks ({names})", "in the report", "at level predictions only")


def tolerance(code: Code) -> tuple[float, str | None]:
    """How far numbers may be apart, and why: not at all where the packages that decide are those of the report."""
    others = []
    for package in DECIDE:
        try:
            here = version(package)
        except PackageNotFoundError:
            here = "missing"
        if code.packages.get(package) != here:
            others.append(f"{package} {here}, not {code.packages.get(package, 'noted')}")
    return (OTHER_VERSIONS, f"other versions: {', '.join(others)}") if others else (0.0, None)


def columns(file: Path) -> list[str]:
    """Names of the columns of a parquet file."""
    import pyarrow.parquet as pq

    return pq.read_schema(file).names


def expected_columns(record: EvaluationRecord) -> list[str]:
    """Names of the columns of predictions.parquet, in order; see evaluation.report.predictions."""
    from evaluation.measures import measure_names, sampled_measures

    sampled = {entry.name for entry in sampled_measures(record.evaluation)} if record.evaluation.sampled else set()
    names = [
        "uid",
        "title",
        "prompt",
        "reference",
        "reference_tokens",
        "before",
        "before_tokens",
        "after",
        "after_tokens",
    ]
    if record.grounded is not None:
        names[5:5] = ["grounded_prompt", "grounded_sources"]
        names += ["grounded", "grounded_tokens"]
    names += [sampled_arm(arm) for arm in ARMS if record.evaluation.sampled]
    for name in measure_names(record.evaluation):
        names += [column(name, arm) for arm in asked_arms(record)]
        names += [column(name, sampled_arm(arm)) for arm in ARMS if name in sampled]
    return names


def asked_arms(record: EvaluationRecord) -> list[str]:
    """The arms with greedy answers, the third one where there is one."""
    return [*ARMS, *(["grounded"] if record.grounded is not None else [])]


def outcomes(record: EvaluationRecord, rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
    """The rows as evaluation had them: arm -> outcomes, of greedy answers and, where there are any, of sampled ones."""
    from evaluation.measures import measure_names
    from evaluation.outcome import Outcome

    arms = [*asked_arms(record), *(sampled_arm(arm) for arm in ARMS if record.evaluation.sampled)]
    return {
        arm: [
            Outcome(
                prompt=row["prompt"], texts=row[arm] if isinstance(row[arm], list) else [row[arm]],
                tokens=row.get(tokens_column(arm), 0),
                values={name: row[column(name, arm)] for name in measure_names(record.evaluation) if column(name, arm) in row},
            )
            for row in rows
        ]
        for arm in arms
    }  # fmt: skip


def of_measures(
    checks: Checks, record: EvaluationRecord, rows: list[dict[str, Any]], apart: float, note: str | None
) -> Iterator[Line]:
    """Means, differences, intervals, p-values, wins, spread and what can be detected, of every measure."""
    from evaluation.measures import measures_of
    from evaluation.readable import not_measured
    from evaluation.statistics.compare import INTERVAL_METHOD, compare_arms, compare_grounded, compare_sampled

    found = outcomes(record, rows)
    again = compare_arms(found, [row["reference"] for row in rows], record.evaluation)
    sampled = compare_sampled(found, record.evaluation)
    yield checks.equal("how intervals are made", record.interval_method, INTERVAL_METHOD)
    titles, references = [row["title"] for row in rows], [row["reference"] for row in rows]
    left_out = not_measured(found, titles, references, record.evaluation, measures_of(record.evaluation))
    yield checks.equal("measures that cannot read the texts", record.left_out(), left_out)
    compared = [("", record.measures, again), ("sampled ", record.sampled, sampled)]
    if record.grounded is not None:
        with_sources = compare_grounded(found, [row["reference"] for row in rows], record.evaluation)
        compared.append(("grounded ", record.grounded.measures, with_sources))
    for what, claimed, derived in compared:
        yield checks.equal(f"{what}measures", [one.name for one in claimed], [one.name for one in derived])
        for one, other in zip(claimed, derived, strict=True):
            yield measure_line(checks, what, one, other, apart, note)


def measure_line(checks: Checks, what: str, claimed: Measure, derived: Measure, apart: float, note: str | None) -> Line:
    """One measure with all its numbers; the note names those that are different."""
    one, other = msgspec.to_builtins(claimed), msgspec.to_builtins(derived)
    wrong = [
        f"{name} is {one[name]}, derived {other[name]}" for name in one if not alike(one[name], other[name], apart)
    ]
    said = "; ".join(wrong) if wrong else note
    return checks.line(f"{what}{claimed.label}", summary(claimed), summary(derived), not wrong,
                       EXACT if not apart else f"{apart:g}", said)  # fmt: skip


def alike(one: Any, other: Any, apart: float) -> bool:
    """Whether two fields are equal or, as numbers, at most so far apart."""
    if one == other:
        return True
    return isinstance(one, float) and isinstance(other, float) and abs(one - other) <= apart


def summary(measure: Measure) -> str:
    """The numbers of a measure in one line."""
    return (
        f"{measure.before:.6g} to {measure.after:.6g}, {measure.difference:+.6g} ({measure.low:+.6g} to {measure.high:+.6g}), "
        f"p {measure.p_holm:.4g}, {measure.wins}/{measure.ties}/{measure.losses}"
    )
