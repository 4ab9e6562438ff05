"""The report's sentences and numbers, and its self-contained page."""

import json
import re
from dataclasses import replace
from math import ceil, floor, log10
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from huggingface_hub import constants
from msgspec import UNSET

from evaluation.report import numbers, repetition, wording
from evaluation.report.examples import choose_examples, html_bytes, starting_views
from evaluation.report.numbers import number
from evaluation.report.pages import PLOTS, draw_plots, render_page
from evaluation.report.plots import forest
from evaluation.report.write import print_table, write_report
from model_card.verification.level_card.files.renderings import with_links_to_this_hub
from tests import ROOT
from tests.evaluation.report.literal_report import SETTINGS, predictions, record_of
from titlecraft.hub import PUBLIC_HUB
from titlecraft.records import AllAnswers, Answers, EvaluationRecord


@pytest.fixture
def record() -> EvaluationRecord:
    return record_of(predictions())


def with_primary(record: EvaluationRecord, **changes: object) -> EvaluationRecord:
    first, *others = record.measures
    return msgspec.structs.replace(record, measures=[msgspec.structs.replace(first, **changes), *others])


def test_a_standard_deviation_of_rounding_does_not_scale_the_axis(record: EvaluationRecord) -> None:
    """0.424 for each of 40 titles has a standard deviation of 5.6e-17 in numpy, and the mean is 7e15 of them."""
    exact, rounded = (
        with_primary(record, difference=-0.424, low=-0.424, high=-0.424, std=spread) for spread in (0.0, 5.6e-17)
    )
    assert forest(rounded, []) == forest(exact, [])


def test_the_answer_is_one_sentence_with_its_interval(record: EvaluationRecord) -> None:
    says = lambda **changes: wording.answer(with_primary(record, **changes))  # noqa: E731
    assert says(difference=-0.412, low=-0.431, high=-0.393) == (
        "Fine-tuning lowered NLL per token by 0.412 nats (95% interval 0.393 to 0.431) on 40 held-out titles."
    )
    assert says(difference=0.2, low=0.1, high=0.3).endswith(
        "raised NLL per token by 0.200 nats (95% interval 0.100 to 0.300) on 40 held-out titles, which is worse."
    )
    assert says(difference=-0.01, low=-0.03, high=0.01) == (
        "No measured difference in NLL per token: −0.010 nats (95% interval −0.030 to +0.010) on 40 held-out titles."
    )


def test_links_of_a_report_do_not_depend_on_the_hubs_port(
    record: EvaluationRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = {}
    for hub in ("http://127.0.0.1:41234", "http://127.0.0.1:5", PUBLIC_HUB):
        monkeypatch.setattr(constants, "ENDPOINT", hub)
        drawn = {name: {"light": b"", "dark": b""} for name in PLOTS}
        pages[hub] = render_page("report.html.jinja", record, predictions(), drawn)
    first, second, public = pages.values()
    assert first == second and "127.0.0.1" not in first
    assert f'<a href="/datasets/titlecraft/data/tree/{"b" * 40}">' in first and '<a href="/titlecraft/tiny">' in first
    assert f'<a href="{PUBLIC_HUB}/datasets/titlecraft/data/tree/{"b" * 40}">' in public
    older = first.replace('href="/titlecraft', 'href="http://127.0.0.1:9/titlecraft').replace(
        'href="/data', 'href="http://127.0.0.1:9/data'
    )
    for hub, here in pages.items():
        monkeypatch.setattr(constants, "ENDPOINT", hub)
        assert {with_links_to_this_hub(page.encode(), record) for page in (first, public, older)} == {here.encode()}
        assert b"evil.example" in with_links_to_this_hub(older.replace("127.0.0.1", "evil.example").encode(), record)


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [
        (0.4123, "0.412", "+0.412"),
        (-12.345, "−12.35", "−12.35"),
        (0.0, "0.000", "0.000"),
        (-0.00014, "−0.0001", "−0.0001"),
        (0.000096, "0.0001", "+0.0001"),
        (-5e-8, "0.000", "0.000"),
    ],
)
def test_numbers(value: float, plain: str, signed: str) -> None:
    assert (number(value), number(value, signed=True)) == (plain, signed)


def test_the_page_is_self_contained_and_escapes_texts(record: EvaluationRecord, tmp_path: Path) -> None:
    record = msgspec.structs.replace(record, evaluation=replace(SETTINGS, seed=0))
    pq.write_table(pa.Table.from_pylist(predictions()), tmp_path / "predictions.parquet")
    write_report(record, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert page.count("<script") == 1 and "&lt;script&gt;alert(1)" in page
    assert page.count("<article") == 40 and "All 40 titles are on this page." in page
    loads = re.findall(r'(?:src|srcset|href)="([^"]{0,40})', re.sub(r"<a [^>]*>", "", page))
    assert loads and all(address.startswith("data:") for address in loads)
    assert "url(" not in page and "@import" not in page
    assert wording.answer(record) in page
    assert (tmp_path / "report.json").read_bytes() == record.to_json()
    before = page
    write_report(record, tmp_path)
    assert (tmp_path / "report.html").read_text() == before


def test_examples_are_chosen_by_seed_and_by_rank(record: EvaluationRecord) -> None:
    views = starting_views(record, predictions())
    assert views["worst"] == [0, 1, 2, 3, 4, 5, 6, 7] and views["best"] == [39, 38, 37, 36, 35, 34, 33, 32]
    assert views["random"] == [20, 9, 25, 3, 4, 34, 6, 23]  # seed 7


def test_a_page_has_its_views_and_as_many_examples_as_fit(record: EvaluationRecord) -> None:
    rows = predictions()
    all_examples = choose_examples(record, rows, 10**6)
    assert [example.row["uid"] for example in all_examples] == [f"B{n}" for n in range(39, -1, -1)]
    assert all_examples[0].views == ["best"] and all_examples[0].gain == pytest.approx(0.49)
    views = {index for indices in starting_views(record, rows).values() for index in indices}
    fewest = choose_examples(record, rows, 0)
    assert {example.row["uid"] for example in fewest} == {f"B{index}" for index in views}
    room = sum(html_bytes(rows[index]) for index in views) + html_bytes(rows[8]) + html_bytes(rows[10])
    more = {example.row["uid"] for example in choose_examples(record, rows, room)} - {
        example.row["uid"] for example in fewest
    }
    assert more == {"B8", "B10"}  # 9 is in the random view; then the sample's own order


def test_a_large_report_stays_below_its_size_and_counts_its_examples(record: EvaluationRecord) -> None:
    rows = [row | {"uid": f"{n}-{row['uid']}", "before": "é & 'ü' " * 400} for n in range(25) for row in predictions()]
    plots = {name: {"light": b"", "dark": b""} for name in PLOTS}
    page = render_page("report.html.jinja", msgspec.structs.replace(record, n=1000), rows, plots)
    assert 2_800_000 < len(page.encode()) < 3_000_000
    assert 310 < page.count("<article") < 330
    assert f"{page.count('<article')} of the 1,000 titles are on this page, selected by rule" in " ".join(page.split())


def test_the_table_shows_before_after_difference_and_interval(record: EvaluationRecord, capsys) -> None:
    print_table(record)
    printed = capsys.readouterr().out
    assert "40 held-out titles" in printed and "NLL per token" in printed and "3.000" in printed
    assert "Primary measure" in printed and "Aims of the tuning" in printed
    assert printed.index("Coherence") < printed.index("Content-word recall") < printed.index("Other measures")
    joined = " ".join(printed.split())
    assert "nats in NLL per token would be found in 4 of 5 such experiments with 40 titles" in joined
    assert joined.endswith("One training run: how much another seed would change this was not measured.")
    assert all(len(line) <= 80 for line in printed.splitlines())
    assert "…" not in printed and printed.count("better") == len(record.measures) - 1  # not of the length ratio


def test_coverage(record: EvaluationRecord, tmp_path: Path, capsys) -> None:
    record = msgspec.structs.replace(record, evaluation=replace(SETTINGS, confidence=0.999))
    assert "(99.9% interval" in wording.answer(record) and "99.9% confidence" in wording.plan(
        replace(SETTINGS, confidence=0.999), 40
    )
    print_table(record)
    assert "99.9% interval" in capsys.readouterr().out
    assert ">99.9% interval</th>" in render_page(
        "report.html.jinja", record, predictions(), draw_plots(record, predictions())
    )


def test_power_sentences(record: EvaluationRecord) -> None:
    first, second = record.measures[:2]
    found = "would be found in 4 of 5 such experiments with 40 titles"
    assert wording.power_alone(record, first).endswith(f" {found}.")
    assert wording.power_alone(record, second).endswith(f" {found}, if it is tested alone.")
    assert wording.power(record).startswith(
        "A true difference of "
    ) and f" nats in NLL per token {found} (" in wording.power(record)
    questions = msgspec.structs.replace(second, group="forgetting", n=60)
    assert wording.power_alone(record, questions).endswith(" with 60 questions, if it is tested alone.")
    assert wording.power_alone(record, msgspec.structs.replace(second, std=0.0, minimum_detectable_effect=0.0)) == ""
    assert wording.power_alone(record, msgspec.structs.replace(second, difference=0.4, std=6e-17)) == ""  # rounding
    assert wording.power(with_primary(record, std=0.0, minimum_detectable_effect=0.0)) == (
        "NLL per token differs by the same on all 40 titles: the smallest difference that they show is unknown."
    )


def test_plan_names_the_fixed_settings() -> None:
    assert wording.plan(SETTINGS, 40) == (
        "fixed in the recipe: primary measure NLL per token (nats, lower is better), 40 titles of the test split by seed 7, "
        "95% confidence; a true difference of 0.443 standard deviations of the paired differences would be found in 4 of 5 such "
        "experiments"
    )


def test_verdicts_without_an_interval_and_after_correction(record: EvaluationRecord) -> None:
    first, second = record.measures[:2]
    few = with_primary(record, low=None, high=None)
    assert wording.verdict(few, few.measures[0]) == wording.interval(few.measures[0]) == "too few titles"
    assert "no interval and no verdict" in wording.answer(few) and few.measures[0].verdict() == "no measured difference"
    corrected = msgspec.structs.replace(second, low=0.005, high=0.028, p_holm=0.3)
    changed = msgspec.structs.replace(record, measures=[first, corrected, *record.measures[2:]])
    assert wording.verdict(changed, corrected) == "not significant after correction for 16 measures"
    assert wording.p_value(msgspec.structs.replace(first, p_value=0.002, p_holm=0.002), SETTINGS) == "≤ 0.002"
    assert wording.p_value(msgspec.structs.replace(first, p_value=0.004, p_holm=0.004), SETTINGS) == "0.004"
    assert [numbers.rounded_up(value) for value in (2 / 10_001, 0.0321, 0.06, 1.0)] == [0.0002, 0.033, 0.06, 1.0]


def answers(distinct: int, copied: int) -> Answers:
    return Answers(distinct=distinct, most_repeated=9, distinct_2=0.1, words=100, copied_words=copied)


@pytest.mark.parametrize(
    ("before", "after", "warned"),
    [
        (answers(38, 2), answers(14, 5), True),  # few different answers
        (answers(38, 2), answers(38, 88), True),  # most words are copied
        (answers(38, 2), answers(38, 30), False),
        (answers(10, 2), answers(14, 5), True),  # the base repeats itself more
    ],
)
def test_a_model_that_repeats_itself_or_its_training_texts_is_named(
    record: EvaluationRecord, before: Answers, after: Answers, warned: bool
) -> None:
    record = msgspec.structs.replace(record, answers=AllAnswers(before=before, after=after))
    texts = repetition.answers_together(record)
    assert texts[0].startswith(
        f"Different answers to 40 titles: {after.distinct} after fine-tuning, {before.distinct} before"
    )
    assert texts[1].endswith(f" {after.copied_words}% after, {before.copied_words}% before.")
    assert (repetition.COLLAPSED in texts) == warned


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [(1, 20, True), (0, 4, True), (0, 3, False), (20, 20, False), (30, 20, False), (UNSET, UNSET, False)],
)
def test_answers_that_loop_after_fine_tuning_are_counted(
    record: EvaluationRecord, before: int, after: int, said: bool
) -> None:
    arms = [msgspec.structs.replace(answers(38, 2), looping=count) for count in (before, after)]
    texts = repetition.answers_together(msgspec.structs.replace(record, answers=AllAnswers(*arms)))
    start = f"{after} of the 40 answers after fine-tuning do not end"
    assert any(text.startswith(start) and f"({before} before)" in text for text in texts) == said
    assert len(texts) == 2 + said


def test_a_claim_that_does_not_hold_is_reported(record: EvaluationRecord, tmp_path: Path) -> None:
    unclear = [
        msgspec.structs.replace(measure, p_holm=0.06) if measure.name == "coherence" else measure
        for measure in record.measures
    ]
    record = msgspec.structs.replace(record, measures=unclear)
    pq.write_table(pa.Table.from_pylist(predictions()), tmp_path / "predictions.parquet")
    write_report(record, tmp_path)
    page = (tmp_path / "report.html").read_text()
    row = page[page.index("<td>Coherence<") :].partition("</tr>")[0]
    assert ">not significant after correction for 16 measures<" in row and "≤ 0.06<" in row
    assert page.count(">not significant") == 1
    assert (
        page.index("Primary measure")
        < page.index("What the tuning was meant to improve")
        < page.index("Other measures")
    )


def test_reproducible_names_its_conditions_and_no_figures_of_another_machine(
    record: EvaluationRecord, tmp_path: Path
) -> None:
    pq.write_table(pa.Table.from_pylist(predictions()), tmp_path / "predictions.parquet")
    write_report(record, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert wording.reproducible(record) in page
    assert "H200" not in page and "benchmarks/" not in page
    assert wording.reproducible(record).startswith(
        "computed in float32 on cpu, in batches of 128: the same commits, recipe and package versions give these bytes again, also "
        "after an interruption. Other hardware"
    )
    on_gpu = msgspec.structs.replace(record, device="NVIDIA H100")
    assert "on the same GPU model with the same driver" in wording.reproducible(on_gpu)


def test_the_docs_have_the_measured_figures_of_reproducibility() -> None:
    measured = json.loads((ROOT / "benchmarks/results/reproducibility.json").read_bytes())
    largest, same_batches = measured["largest"], [way for way in measured["ways"] if way["batch_size"] == 25]
    assert measured["check"]["holds"] and largest["greedy_answers_that_differ"] == 0
    assert [(way["threads"], way["nll_per_token"]["largest_difference"]) for way in same_batches] == [(2, 0)]
    figures = [f"{largest[name]:.1e}".replace("e-0", "e-") for name in ("nll_per_token", "mean_nll_per_token")]
    sentence = f"at most {figures[0]} nats per token, the mean by at most {figures[1]}, and none of {largest['of']} greedy answers"
    exact, short = measured["gpu"]["ways"]
    assert exact["the_same_twice"] and short["the_same_twice"] and exact["greedy_answers_identical"] == exact["of"]
    far = [exact["nll_per_token"]["largest_difference"], *list(short["nll_per_token"].values())[1:]]
    others = short["of"] - short["greedy_answers_identical"]
    moved = "in float32 instead of the CPU moves it by at most {} and none of those answers; in bfloat16 by at most {}, the mean by {}"
    moved = f"{moved.format(*map(rounded_up, far))}, and {others} of the {short['of']} answers differ"
    page = " ".join((ROOT / "docs/en/evaluation.md").read_text().split())
    assert sentence in page and moved in page


def rounded_up(value: float) -> str:
    """The number rounded up to two digits."""
    power = floor(log10(value))
    return f"{ceil(value * 10 ** (1 - power)) / 10}e{power}"
