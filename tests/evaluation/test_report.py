"""The report as text: the sentence, the numbers, and one page that needs nothing from anywhere."""

import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluation import wording
from evaluation.compare import compare, correct
from evaluation.measures import MEASURES
from evaluation.report import choose_examples, print_table, write_report
from titlecraft.records import Check, Code, EvaluationRecord, File, Pin
from titlecraft.settings import Base, Evaluation, Generation

SETTINGS = Evaluation(titles=40, resamples=999)
HOSTILE = "<script>alert(1)</script> & \"quoted\" 'text'"


def predictions() -> list[dict]:
    """40 titles on which everything gets better by a little more each time; one of them is hostile."""
    rows = []
    for n in range(40):
        row = {
            "uid": f"B{n}",
            "title": f"Title {n}",
            "prompt": "### Response:\n",
            "reference": "A lamp.",
            "before": "",
            "after": "Lamp",
        }
        for entry in MEASURES:
            better = -1 if entry.better == "lower" else 1
            row |= {f"{entry.name}_before": 3.0, f"{entry.name}_after": 3.0 + better * (0.1 + n / 100)}
        rows.append(row)
    rows[0] |= {"title": HOSTILE, "reference": HOSTILE, "before": HOSTILE, "after": HOSTILE}
    return rows


@pytest.fixture
def record() -> EvaluationRecord:
    rows = predictions()
    measures = [
        compare(
            entry, [row[f"{entry.name}_before"] for row in rows], [row[f"{entry.name}_after"] for row in rows], SETTINGS
        )
        for entry in MEASURES
    ]
    pin = Pin(type="model", repo="titlecraft/tiny", revision="a" * 40)
    return EvaluationRecord(
        id="0" * 12, key="0" * 64, code=Code(titlecraft="0.1.0", sources="0", python="3.11.7", packages={"torch": "2.13.0"}),
        dataset=Pin(type="dataset", repo="titlecraft/data", revision="b" * 40), base=pin, adapter=pin, split="test",
        evaluation=SETTINGS, generation=Generation(max_new_tokens=64), base_settings=Base(max_length=256),
        quantization="nf4", precision="float32", device="cpu", n=40, titles_available=50,
        excluded={"title_in_train": 3}, references_cut=2,
        guards=[Check(name="the adapter changes the model", expected="other", found="other", holds=True)],
        interval_method="BCa", measures=correct(measures, SETTINGS.primary), sampled=[], also=[], benchmarks=[], files=[File(path="predictions.parquet", bytes=1, sha256="0" * 64)],
    )  # fmt: skip


def with_primary(record: EvaluationRecord, **changes: object) -> EvaluationRecord:
    first, *others = record.measures
    return msgspec.structs.replace(record, measures=[msgspec.structs.replace(first, **changes), *others])


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


@pytest.mark.parametrize(
    ("value", "plain", "signed"),
    [(0.4123, "0.412", "+0.412"), (-12.345, "−12.35", "−12.35"), (0.0, "0.000", "0.000"), (-0.0001, "0.000", "0.000")],
)
def test_numbers(value: float, plain: str, signed: str) -> None:
    assert (wording.number(value), wording.number(value, signed=True)) == (plain, signed)


def test_the_page_needs_nothing_from_anywhere_and_escapes_what_it_shows(
    record: EvaluationRecord, tmp_path: Path
) -> None:
    record = msgspec.structs.replace(record, evaluation=replace(SETTINGS, seed=0))
    pq.write_table(pa.Table.from_pylist(predictions()), tmp_path / "predictions.parquet")
    write_report(record, tmp_path)
    page = (tmp_path / "report.html").read_text()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page  # row 0 is among the worst
    loads = re.findall(r'(?:src|srcset|href)="([^"]{0,40})', re.sub(r"<a [^>]*>", "", page))
    assert loads and all(address.startswith("data:") for address in loads)
    assert "url(" not in page and "@import" not in page
    assert wording.answer(record) in page
    assert (tmp_path / "report.json").read_bytes() == record.to_json()
    before = page
    write_report(record, tmp_path)
    assert (tmp_path / "report.html").read_text() == before


def test_examples_are_chosen_by_seed_and_by_rank(record: EvaluationRecord) -> None:
    (_, _, drawn), (_, _, worst) = choose_examples(record, predictions())
    assert [row["uid"] for row in worst] == ["B0", "B1", "B2", "B3"]
    assert drawn == choose_examples(record, predictions())[0][2] and len({row["uid"] for row in drawn}) == 8


def test_the_table_shows_before_after_difference_and_interval(record: EvaluationRecord, capsys) -> None:
    print_table(record)
    printed = capsys.readouterr().out
    assert "40 held-out titles" in printed and "NLL per token" in printed and "3.000" in printed
    assert "Primary measure" in printed and "The four claims" in printed
    assert printed.index("Coherence") < printed.index("Content-word recall") < printed.index("Other measures")
    assert "40 titles show a difference in NLL per token of" in printed
    assert all(len(line) <= 80 for line in printed.splitlines())


def test_what_is_fixed_is_said_first() -> None:
    assert wording.plan(SETTINGS, MEASURES[0]) == (
        "fixed in the recipe: primary measure NLL per token (nats, lower is better), 40 titles of the test split by seed 7, "
        "95% confidence"
    )


def test_a_claim_that_does_not_hold_is_said_not_to(record: EvaluationRecord, tmp_path: Path) -> None:
    unclear = [msgspec.structs.replace(one, p_holm=0.06) if one.name == "coherence" else one for one in record.measures]
    record = msgspec.structs.replace(record, measures=unclear)
    pq.write_table(pa.Table.from_pylist(predictions()), tmp_path / "predictions.parquet")
    write_report(record, tmp_path)
    page = (tmp_path / "report.html").read_text()
    row = page[page.index("<td>Coherence<") :].partition("</tr>")[0]
    assert "no measured difference" in row and "0.060" in row
    assert page.count(">no measured difference<") == 1
    assert page.index("Primary measure") < page.index("The four claims") < page.index("Other measures")


def test_how_far_it_is_reproducible_is_what_was_measured(record: EvaluationRecord, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    measured = json.loads((root / "benchmarks/results/reproducibility.json").read_bytes())
    largest, same_batches = measured["largest"], [way for way in measured["ways"] if way["batch_size"] == 25]
    assert measured["check"]["holds"] and largest["greedy_answers_that_differ"] == 0
    assert [(way["threads"], way["nll_per_token"]["largest_difference"]) for way in same_batches] == [(2, 0)]
    figures = [f"{largest[name]:.1e}".replace("e-0", "e-") for name in ("nll_per_token", "mean_nll_per_token")]
    said = f"at most {figures[0]} nats per token, the mean by at most {figures[1]}, and none of {largest['of']} greedy answers"
    pq.write_table(pa.Table.from_pylist(predictions()), tmp_path / "predictions.parquet")
    write_report(record, tmp_path)
    for text in (wording.REPRODUCIBLE, (tmp_path / "report.html").read_text(), (root / "README.md").read_text()):
        assert said in " ".join(text.split())
