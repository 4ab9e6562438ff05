"""Read from an adapter repo's own records: its dataset, its base model and the results of its reports."""

from model_card.inputs import reports
from titlecraft.errors import UserError
from titlecraft.hub.data_revision import last_changes
from titlecraft.hub.pins import read_file
from titlecraft.records import REPORT, TRAINING_RECORD, EvaluationRecord, Pin, TrainingRecord, read_record
from titlecraft.records.lineage import Result, Trained, best_first, result_of


def trained_at(state: Pin) -> Trained:
    """The adapter in this revision of its repo, with adapter and reports at the commits that published them.

    The result is therefore the same for every later revision. Raises UserError without a training record.
    """
    raw = read_file(state, TRAINING_RECORD)
    if raw is None:
        raise UserError(f"{state} has no {TRAINING_RECORD}: expected an adapter that `titlecraft train` published")
    record = read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {state}")
    own_reports = [report for report in reports(None, state, state.repo) if is_about(report, raw)]
    paths = {f"evaluation/{report.id}/{REPORT}": report for report in own_reports}
    commits = last_changes(state, [TRAINING_RECORD, *paths])
    results = [result_of(report, commits[path].revision) for path, report in paths.items()]
    return Trained(
        adapter=commits[TRAINING_RECORD], dataset=record.dataset, base=record.base, reports=best_first(results)
    )


def is_about(report: EvaluationRecord, training: bytes) -> bool:
    """Whether a report evaluated the adapter of this training record."""
    return read_file(report.adapter, TRAINING_RECORD) == training


def confirm(listed: Trained) -> str | None:
    """How a listed adapter differs from its own records at the listed commits; None if it does not."""
    try:
        raw = read_file(listed.adapter, TRAINING_RECORD)
        if raw is None:
            return f"{listed.adapter} has no {TRAINING_RECORD}"
        record = read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {listed.adapter}")
        if (record.dataset, record.base) != (listed.dataset, listed.base):
            return f"its training record names {record.dataset} and {record.base}"
        wrong = [result.id for result in listed.reports if result != read_result(listed.adapter, result, raw)]
    except UserError as error:
        return str(error)
    return f"its report {wrong[0]} is not as listed" if wrong else None


def read_result(adapter: Pin, listed: Result, training: bytes) -> Result | None:
    """The result of the report with this id at the listed commit; None if it is missing or about another adapter."""
    state = Pin(type="model", repo=adapter.repo, revision=listed.revision)
    raw = read_file(state, f"evaluation/{listed.id}/{REPORT}")
    if raw is None:
        return None
    report = read_record(raw, EvaluationRecord, f"{REPORT} of {state}")
    return result_of(report, listed.revision) if is_about(report, training) else None
