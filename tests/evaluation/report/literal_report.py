"""A report of literal numbers: 40 titles, each improving a little more than the one before."""

from typing import Any

from evaluation.measures import MEASURES
from evaluation.statistics.paired import compare, correct
from titlecraft.records import Check, Code, EvaluationRecord, File, Pin
from titlecraft.settings import Base, Evaluation, Generation

SETTINGS = Evaluation(titles=40, resamples=999)
HOSTILE = "<script>alert(1)</script> & \"quoted\" 'text'"


def predictions() -> list[dict[str, Any]]:
    """Rows of 40 titles, each improving a little more than the one before; one title is hostile HTML."""
    rows = []
    for n in range(40):
        row = {
            "uid": f"B{n}",
            "title": f"Title {n}",
            "prompt": "### Response:\n",
            "reference": "A lamp.",
            "before": "",
            "after": "Lamp",
            "reference_tokens": 10,
            "before_tokens": 64,
            "after_tokens": 5 + n % 7,
        }
        for entry in MEASURES:
            better = -1 if entry.better == "lower" else 1
            row |= {f"{entry.name}_before": 3.0, f"{entry.name}_after": 3.0 + better * (0.1 + n / 100)}
        rows.append(row)
    rows[0] |= {"title": HOSTILE, "reference": HOSTILE, "before": HOSTILE, "after": HOSTILE}
    return rows


def record_of(rows: list[dict[str, Any]]) -> EvaluationRecord:
    """The record of these rows; other values are made up."""
    measures = [
        compare(
            entry, [row[f"{entry.name}_before"] for row in rows], [row[f"{entry.name}_after"] for row in rows], SETTINGS
        )
        for entry in MEASURES
    ]
    pin = Pin(type="model", repo="titlecraft/tiny", revision="a" * 40)
    return EvaluationRecord(
        id="0" * 12,
        key="0" * 64,
        code=Code(titlecraft="0.1.0", sources="0", python="3.11.7", packages={"torch": "2.13.0"}),
        dataset=Pin(type="dataset", repo="titlecraft/data", revision="b" * 40),
        base=pin,
        adapter=pin,
        split="test",
        evaluation=SETTINGS,
        generation=Generation(max_new_tokens=64),
        base_settings=Base(max_length=256),
        quantization="nf4",
        precision="float32",
        device="cpu",
        n=40,
        titles_available=50,
        excluded={"title_in_train": 3},
        references_cut=2,
        guards=[Check(name="the adapter changes the model", expected="other", found="other", holds=True)],
        interval_method="BCa",
        measures=correct(measures, SETTINGS.primary),
        sampled=[],
        also=[],
        benchmarks=[],
        files=[File(path="predictions.parquet", bytes=1, sha256="0" * 64)],
    )
