"""The records of an evaluation and of a lineage with literal values; the golden cards are rendered from them."""

from typing import Literal

from tests.model_card.literal_records import ADAPTER, BASE, CODE, DATASET
from titlecraft.records import (
    AllAnswers,
    Answers,
    Clusters,
    EvaluationRecord,
    Measure,
    Pin,
)
from titlecraft.records.evaluation import Group
from titlecraft.records.lineage import DatasetLineage, Trained, result_of
from titlecraft.settings import Base, Evaluation, Generation


def evaluation_record() -> EvaluationRecord:
    def measure(
        name: str,
        label: str,
        group: Group,
        unit: str,
        better: Literal["lower", "higher"],
        values: tuple[float, float, float, float],
    ) -> Measure:
        before, after, low, high = values
        return Measure(
            name=name,
            label=label,
            group=group,
            unit=unit,
            better=better,
            definition=f"What {label} is.",
            source="Author 2020",
            n=200,
            before=before,
            after=after,
            difference=after - before,
            low=low,
            high=high,
            p_value=0.01,
            p_holm=0.02,
            level=0.05,
            std=0.5,
            minimum_detectable_effect=0.1,
            wins=120,
            ties=0,
            losses=80,
            neutral_before=None,
            neutral_after=None,
            **({"design_effect": 1.21, "titles_low": -0.29, "titles_high": -0.21} if name == "nll_per_token" else {}),
        )

    return EvaluationRecord(
        id="0123456789ab",
        key="3" * 64,
        code=CODE,
        dataset=DATASET,
        base=BASE,
        adapter=ADAPTER,
        split="test",
        evaluation=Evaluation(titles=200),
        generation=Generation(),
        base_settings=Base(),
        quantization="nf4",
        precision="bfloat16",
        device="NVIDIA H200",
        n=200,
        titles_available=12_000,
        excluded={},
        guards=[],
        references_cut=0,
        interval_method="BCa bootstrap",
        measures=[
            measure("nll_per_token", "NLL per token", "likelihood", "nats", "lower", (2.5, 2.25, -0.3, -0.2)),
            measure("specificity", "Specificity", "specificity", "0–1", "higher", (0.5, 0.75, 0.2, 0.3)),
            measure("rouge_l", "ROUGE-L", "overlap", "0–1", "higher", (0.12, 0.22, -0.1, 0.3)),
        ],
        sampled=[],
        also=[],
        benchmarks=[],
        files=[],
        clusters=Clusters(count=150, largest=6, similarity=0.3, columns=[], left_out=[]),
        answers=AllAnswers(
            before=Answers(distinct=190, most_repeated=3, distinct_2=0.5, words=9_000, copied_words=90),
            after=Answers(distinct=40, most_repeated=61, distinct_2=0.1, words=8_000, copied_words=7_040),
        ),
    )


def dataset_lineage() -> DatasetLineage:
    """An evaluated adapter of an earlier dataset revision, and an adapter of a later revision without a report."""
    evaluated = Trained(adapter=ADAPTER, dataset=DATASET, base=BASE, reports=[result_of(evaluation_record(), "c" * 40)])
    later = Pin(type="dataset", repo="ns/data", revision="e" * 40)
    other = Pin(type="model", repo="ns/other", revision="9" * 40)
    return DatasetLineage(adapters=[evaluated, Trained(adapter=other, dataset=later, base=BASE, reports=[])])
