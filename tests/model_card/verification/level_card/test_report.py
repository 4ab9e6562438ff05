"""The measures of a report have the meaning of this code: another direction would invert a verdict."""

import msgspec
import pytest

from evaluation.measures import MEASURES
from model_card.verification.level_card.report import check_definitions, check_measure
from model_card.verification.level_scores.measures import summary
from model_card.verification.lines.checks import Checks
from tests.model_card.literal_evaluation import evaluation_record
from tests.model_card.literal_records import CODE
from titlecraft.errors import UserError
from titlecraft.records import EvaluationRecord, read_record, sources_sha256


def report(**changed: str) -> EvaluationRecord:
    """A report with this code's measures; `changed` are fields of its first measure."""
    record = evaluation_record()
    fields = ("label", "group", "unit", "better", "definition", "source")
    entries = {entry.name: entry for entry in MEASURES}
    measures = [
        msgspec.structs.replace(measure, **{field: getattr(entries[measure.name], field) for field in fields})
        for measure in record.measures
    ]
    measures[0] = msgspec.structs.replace(measures[0], **changed)
    code = msgspec.structs.replace(CODE, sources=sources_sha256("evaluation"))
    return msgspec.structs.replace(record, measures=measures, code=code)


def verdicts(record: EvaluationRecord) -> list[str | None]:
    return [line.verdict for line in check_definitions(Checks("card", "report"), record)]


def test_measures_of_this_code_hold() -> None:
    assert verdicts(report()) == ["holds"]


@pytest.mark.parametrize("field", ["label", "group", "unit", "better", "definition", "source"])
def test_changed_definitions_are_refused(field: str) -> None:
    other = {"group": "form", "better": "higher"}.get(field, "Quality")
    assert verdicts(report(**{field: other})) == ["does not hold"]


def test_wording_of_another_version_is_ignored_and_its_directions_are_checked() -> None:
    older = msgspec.structs.replace(CODE, sources="5" * 64)
    assert verdicts(msgspec.structs.replace(report(definition="Otherwise put."), code=older)) == [
        "holds",
        "not looked at",
    ]
    assert verdicts(msgspec.structs.replace(report(better="higher"), code=older)) == ["does not hold", "not looked at"]


@pytest.mark.parametrize(("low", "high", "holds"), [(-0.3, -0.2, True), (None, None, True), (-0.2, -0.3, False)])
def test_the_ends_of_an_interval_are_in_order(low: float | None, high: float | None, holds: bool) -> None:
    measure = msgspec.structs.replace(evaluation_record().measures[0], low=low, high=high)
    *_, line = check_measure(Checks("card", "report"), evaluation_record(), measure)
    assert line.holds == holds, line
    assert summary(measure).count("no interval") == (low is None)


@pytest.mark.parametrize("end", ["low", "high", "titles_low", "titles_high"])
def test_a_report_with_half_an_interval_is_unreadable(end: str) -> None:
    report = msgspec.to_builtins(evaluation_record())
    assert read_record(msgspec.json.encode(report), EvaluationRecord, "evaluation.json") == evaluation_record()
    report["measures"][0][end] = None
    with pytest.raises(UserError, match=r"evaluation\.json .*: expected both ends of an interval or none"):
        read_record(msgspec.json.encode(report), EvaluationRecord, "evaluation.json")
