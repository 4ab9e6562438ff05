"""What a report says of its measures, against this code: a direction turned around would turn a verdict around."""

import msgspec
import pytest

from evaluation.measures import MEASURES
from model_card.verification.level_card.report import check_definitions
from model_card.verification.lines.checks import Checks
from tests.model_card.literal_records import CODE, evaluation_record
from titlecraft.records import EvaluationRecord, sources_sha256


def report(**changed: str) -> EvaluationRecord:
    """A report with the words of this code; of its first measure some are others."""
    record = evaluation_record()
    fields = ("label", "group", "unit", "better", "definition", "source")
    entries = {entry.name: entry for entry in MEASURES}
    measures = [
        msgspec.structs.replace(one, **{field: getattr(entries[one.name], field) for field in fields})
        for one in record.measures
    ]
    measures[0] = msgspec.structs.replace(measures[0], **changed)
    code = msgspec.structs.replace(CODE, sources=sources_sha256("evaluation"))
    return msgspec.structs.replace(record, measures=measures, code=code)


def verdicts(record: EvaluationRecord) -> list[str | None]:
    return [line.verdict for line in check_definitions(Checks("card", "report"), record)]


def test_the_measures_are_what_this_code_says() -> None:
    assert verdicts(report()) == ["holds"]


@pytest.mark.parametrize("field", ["label", "group", "unit", "better", "definition", "source"])
def test_another_meaning_or_word_is_refused(field: str) -> None:
    other = {"group": "form", "better": "higher"}.get(field, "Quality")
    assert verdicts(report(**{field: other})) == ["does not hold"]


def test_words_of_another_version_are_not_looked_at_and_its_directions_are() -> None:
    older = msgspec.structs.replace(CODE, sources="5" * 64)
    assert verdicts(msgspec.structs.replace(report(definition="Otherwise put."), code=older)) == [
        "holds",
        "not looked at",
    ]
    assert verdicts(msgspec.structs.replace(report(better="higher"), code=older)) == ["does not hold", "not looked at"]
