"""What one adapter repo says of itself: what it was trained from, and what its reports found."""

from model_card.inputs import reports
from titlecraft.errors import UserError
from titlecraft.hub.data_revision import last_changes
from titlecraft.hub.pins import read_file
from titlecraft.records import REPORT, TRAINING_RECORD, EvaluationRecord, Pin, TrainingRecord, read_record
from titlecraft.records.lineage import Result, Trained, best_first, result_of


def trained_at(state: Pin) -> Trained:
    """The adapter in this state of its repo, by its own records; each thing at the commit that brought it.

    So the same adapter reads the same from every later state of the repo. Raises UserError where there is no training record.
    """
    raw = read_file(state, TRAINING_RECORD)
    if raw is None:
        raise UserError(f"{state} has no {TRAINING_RECORD}: expected an adapter that `titlecraft train` published")
    record = read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {state}")
    found = {f"evaluation/{one.id}/{REPORT}": one for one in reports(None, state, state.repo) if is_about(one, raw)}
    brought = last_changes(state, [TRAINING_RECORD, *found])
    results = [result_of(report, brought[path].revision) for path, report in found.items()]
    return Trained(
        adapter=brought[TRAINING_RECORD], dataset=record.dataset, base=record.base, reports=best_first(results)
    )


def is_about(report: EvaluationRecord, training: bytes) -> bool:
    """Whether a report measured the adapter that this training record describes."""
    return read_file(report.adapter, TRAINING_RECORD) == training


def confirm(listed: Trained) -> str | None:
    """Why a listed adapter is not what its own records say, read at the listed commits; None where it is."""
    try:
        raw = read_file(listed.adapter, TRAINING_RECORD)
        if raw is None:
            return f"{listed.adapter} has no {TRAINING_RECORD}"
        record = read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {listed.adapter}")
        if (record.dataset, record.base) != (listed.dataset, listed.base):
            return f"its training record names {record.dataset} and {record.base}"
        wrong = [one.id for one in listed.reports if one != read_result(listed.adapter, one, raw)]
    except UserError as error:
        return str(error)
    return f"its report {wrong[0]} is not as listed" if wrong else None


def read_result(adapter: Pin, listed: Result, training: bytes) -> Result | None:
    """What the report with this id says at the listed commit; None where it is not there, or about another adapter."""
    state = Pin(type="model", repo=adapter.repo, revision=listed.revision)
    raw = read_file(state, f"evaluation/{listed.id}/{REPORT}")
    if raw is None:
        return None
    report = read_record(raw, EvaluationRecord, f"{REPORT} of {state}")
    return result_of(report, listed.revision) if is_about(report, training) else None
