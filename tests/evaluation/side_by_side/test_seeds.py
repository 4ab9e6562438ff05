"""The spread between training seeds beside that between titles."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from evaluation.report.numbers import number
from evaluation.side_by_side.comparison import Published
from evaluation.side_by_side.seeds import SeedsRecord, compare_seeds, print_seeds
from evaluation.side_by_side.seeds_page import render_seeds
from tests.evaluation.report.literal_report import predictions, record_of
from tests.model_card.literal_records import training_record
from titlecraft.errors import UserError
from titlecraft.records import Pin, TrainingRecord, read_record


def report(shift: float, name: str = "a", rows: int = 40) -> Published:
    """A report whose adapter has an NLL that is `shift` higher than that of `predictions`."""
    pin = Pin(type="model", repo=f"titlecraft/{name}", revision="c" * 40)
    found = predictions()[:rows]
    for row in found:
        row["nll_per_token_after"] += shift
    return Published(pin, msgspec.structs.replace(record_of(found), adapter=pin, n=len(found)), found)


def trainings(seeds: Sequence[int], **changes: Any) -> list[TrainingRecord]:
    """One recipe under these seeds; `changes` are those of the last one."""
    base = training_record("llama3")
    every = [msgspec.structs.replace(base, training=replace(base.training, seed=seed)) for seed in seeds]
    every[-1] = msgspec.structs.replace(every[-1], training=replace(every[-1].training, **changes))
    return every


def test_both_spreads_stand_side_by_side(capsys: pytest.CaptureFixture[str]) -> None:
    reports = [report(shift, name) for shift, name in ((0.0, "a"), (0.01, "b"), (0.05, "c"))]
    record = compare_seeds(reports, trainings([1, 2, 3]))
    primary = record.measures[0]
    values = np.array([row["nll_per_token_after"] for row in predictions()])
    assert (primary.name, primary.n, record.n, record.seeds) == ("nll_per_token", 40, 40, [1, 2, 3])
    assert primary.means == pytest.approx([values.mean(), values.mean() + 0.01, values.mean() + 0.05])
    assert primary.seeds_std == pytest.approx(np.std([0, 0.01, 0.05], ddof=1))
    assert primary.titles_std == pytest.approx(values.std(ddof=1))
    assert primary.titles_error == pytest.approx(values.std(ddof=1) / 40**0.5)
    others = {spread.name: spread.seeds_std for spread in record.measures[1:]}
    assert set(others.values()) == {0.0} and not {"chrf_pp", "bleu"} & others.keys()
    assert read_record(record.to_json(), SeedsRecord, "seeds.json") == record
    print_seeds(record)
    assert "std of seeds" in capsys.readouterr().out
    page = render_seeds(record)
    assert page == render_seeds(record) and "Another training seed moves NLL per token by" in page
    for seed, mean in zip(record.seeds, primary.means, strict=True):
        assert f'data-label="Seed {seed}">{number(mean)}<' in page
    assert f'data-label="Std of seeds">{number(primary.seeds_std)}<' in page and page.count("<script>") == 1
    assert not re.search(r'(src|srcset|href)="(?!data:|http)', page), "the page needs no other file"


def test_only_titles_of_all_reports_count() -> None:
    reports = [report(0.0), report(0.1, rows=30), report(0.2, rows=35)]
    reports[0].rows[5]["nll_per_token_after"] = None
    record = compare_seeds(reports, trainings([1, 2, 3]))
    assert (record.n, record.measures[0].n) == (30, 29)


@pytest.mark.parametrize(
    ("seeds", "changes", "message"),
    [
        ([1, 2, 3], {"learning_rate": 1e-3}, r"training\.learning_rate is .* in titlecraft/a and 0\.001 in titlecraft/c; compare"),
        ([1, 2, 2], {}, r"the training seeds are 1, 2, 2: expected different ones"),
    ],
)  # fmt: skip
def test_what_is_no_spread_between_seeds_is_refused(seeds: list[int], changes: dict[str, Any], message: str) -> None:
    reports = [report(0.0, name) for name in "abc"]
    with pytest.raises(UserError, match=message):
        compare_seeds(reports, trainings(seeds, **changes))


def test_reports_without_common_titles_are_refused() -> None:
    other = report(0.0, "c")
    for row in other.rows:
        row["uid"] += "x"
    with pytest.raises(UserError, match=r"the 3 reports have 0 titles in common: expected 30 or more"):
        compare_seeds([report(0.0), report(0.0), other], trainings([1, 2, 3]))


def test_a_value_that_is_no_number_is_refused() -> None:
    broken = report(0.0, "c")
    broken.rows[3]["nll_per_token_after"] = float("nan")
    with pytest.raises(UserError, match=r"nll_per_token is not a finite number in one of the reports"):
        compare_seeds([report(0.0), report(0.0), broken], trainings([1, 2, 3]))
