"""A report names the titles that a measure cannot read, and shows no values for them."""

from dataclasses import replace

import msgspec
import pytest

from evaluation.measures import MEASURES
from evaluation.outcome import Outcome
from evaluation.readable import not_measured
from evaluation.report.examples import choose_examples, starting_views
from evaluation.report.pages import render_page
from evaluation.report.plots import paired_differences
from evaluation.report.write import print_table
from evaluation.statistics.compare import compare_arms
from tests.evaluation.report.literal_report import predictions, record_of
from titlecraft.records import EvaluationRecord, read_record


def half_read() -> tuple[EvaluationRecord, list[dict[str, object]]]:
    """A report without BLEU whose primary measure reads 30 of 40 titles, and its rows."""
    rows = predictions()
    for row in rows[:10]:
        row |= {f"nll_per_token_{arm}": None for arm in ("before", "after")}
    record_of_all = record_of(predictions())
    outcomes = {
        arm: [
            Outcome(
                prompt="",
                texts=[row[arm]],
                tokens=1,
                values={entry.name: row[f"{entry.name}_{arm}"] for entry in MEASURES} | {"bleu": None},
            )
            for row in rows
        ]
        for arm in ("before", "after")
    }
    settings = replace(record_of_all.evaluation, resamples=99)
    references = [str(row["reference"]) for row in rows]
    left_out = not_measured(outcomes, [str(row["title"]) for row in rows], references, settings, MEASURES)
    left_out = [msgspec.structs.replace(entry, lacking=["spaces", "capitals"]) for entry in left_out]
    measures = compare_arms(outcomes, references, settings)
    record = msgspec.structs.replace(
        record_of_all, evaluation=settings, measures=measures, not_measured=left_out, near_not_looked_for=7
    )
    return record, rows


def test_a_report_names_unreadable_titles_and_shows_no_values_for_them(capsys: pytest.CaptureFixture[str]) -> None:
    record, rows = half_read()
    assert read_record(record.to_json(), EvaluationRecord, "it") == record
    assert b"NaN" not in record.to_json() and [entry.name for entry in record.left_out()] == ["bleu"]
    page = render_page(
        "report.html.jinja",
        record,
        rows,
        {name: {"light": b"", "dark": b""} for name in ("forest", "by_title", "scores", "lengths")},
    )
    assert (
        "BLEU: not measured; it means nothing on texts without spaces between words or in a script without capitals"
        in page
    )
    assert "on 30 of 40 titles" in page and page.count("not measured, it cannot read the script") == 10
    assert (
        "near copies of 7 descriptions, which have no spaces between words, were not looked for" in page
        and "None" not in page.split("<h2>Titles side by side")[1].split("<h2>")[0].replace("None is chosen", "")
    )
    assert "or near copy of a description" not in page
    print_table(record)
    assert "NLL per token (n=30)" in (printed := capsys.readouterr().out) and "BLEU: not measured" in printed
    assert len(paired_differences(record.primary(), rows)) == 30
    views = starting_views(record, rows)
    assert not {*views["best"], *views["worst"]} & set(range(10))
    assert [entry.gain for entry in choose_examples(record, rows, 10**6)][-10:] == [None] * 10


def test_a_report_that_reads_all_titles_has_no_new_fields() -> None:
    record = record_of(predictions())
    assert not record.left_out() and b"not_measured" not in record.to_json() and b"near_not" not in record.to_json()
