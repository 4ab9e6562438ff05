"""Level scores, measures: mean, difference, interval, p-values and counts of every measure, recomputed from the values per title."""

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from evaluation.measures import measure_names, measures_of
from evaluation.outcome import Outcome
from evaluation.readable import not_measured
from evaluation.statistics.compare import METHODS, compare_arms, compare_grounded, compare_sampled
from model_card.verification.level_scores.columns import greedy_arms, sampled_columns
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.columns import equal_within
from model_card.verification.lines.line import Line
from titlecraft.records import EvaluationRecord, Measure, column, tokens_column
from titlecraft.records.evaluation import CLUSTER


def check_measures(
    checks: Checks, record: EvaluationRecord, rows: list[dict[str, Any]], tolerance: float, note: str | None
) -> Iterator[Line]:
    """A line for each measure of the report, and lines about the method."""
    outcomes = outcomes_of(record, rows)
    titles, references = [row["title"] for row in rows], [row["reference"] for row in rows]
    method = record.interval_method
    yield checks.equal("how intervals are made", method, method if method in METHODS else METHODS[0])
    clusters = [row[CLUSTER] for row in rows] if record.clusters is not UNSET else None
    left_out = not_measured(outcomes, titles, references, record.evaluation, measures_of(record.evaluation))
    yield checks.equal("measures that cannot read the texts", record.left_out(), left_out)
    compared = [
        ("", record.measures, compare_arms(outcomes, references, record.evaluation, clusters, method)),
        ("sampled ", record.sampled, compare_sampled(outcomes, record.evaluation, clusters, method)),
    ]
    if record.grounded is not None:
        derived = compare_grounded(outcomes, references, record.evaluation, clusters, method)
        compared.append(("grounded ", record.grounded.measures, derived))
    for kind, claimed, derived in compared:
        claimed_names, derived_names = ([measure.name for measure in measures] for measures in (claimed, derived))
        yield checks.equal(f"{kind}measures", claimed_names, derived_names)
        for published, recomputed in zip(claimed, derived, strict=True):
            yield measure_line(checks, kind, published, recomputed, tolerance, note)


def outcomes_of(record: EvaluationRecord, rows: list[dict[str, Any]]) -> dict[str, list[Outcome]]:
    """Arm -> one outcome per row, as evaluation has them: the greedy arms, then the sampled ones."""
    arms = [*greedy_arms(record), *sampled_columns(record)]
    names = measure_names(record.evaluation)
    return {arm: [outcome_of(row, arm, names) for row in rows] for arm in arms}


def outcome_of(row: dict[str, Any], arm: str, names: Any) -> Outcome:
    """One arm of one row."""
    return Outcome(
        prompt=row["prompt"],
        texts=row[arm] if isinstance(row[arm], list) else [row[arm]],
        tokens=row.get(tokens_column(arm), 0),
        values={name: row[column(name, arm)] for name in names if column(name, arm) in row},
    )


def measure_line(
    checks: Checks, kind: str, claimed: Measure, derived: Measure, tolerance: float, note: str | None
) -> Line:
    """One line for all numbers of a measure. If some differ, the note names them; otherwise it is `note`."""
    published, recomputed = msgspec.to_builtins(claimed), msgspec.to_builtins(derived)
    wrong = [
        f"{field} is {value}, derived {recomputed.get(field)}"
        for field, value in (dict.fromkeys(recomputed) | published).items()
        if not equal_within(value, recomputed.get(field), tolerance)
    ]
    return checks.line(
        f"{kind}{claimed.label}",
        summary(claimed),
        summary(derived),
        not wrong,
        f"{tolerance:g}" if tolerance else EXACT,
        "; ".join(wrong) if wrong else note,
    )


def summary(measure: Measure) -> str:
    """The main numbers of a measure in one line."""
    interval = "no interval" if measure.low is None else f"{measure.low:+.6g} to {measure.high:+.6g}"
    return (
        f"{measure.before:.6g} to {measure.after:.6g}, {measure.difference:+.6g} ({interval}), "
        f"p {measure.p_holm:.4g}, {measure.wins}/{measure.ties}/{measure.losses}"
    )
