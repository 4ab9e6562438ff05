"""Compares two adapters by their reports on the same titles, after checking that the reports are comparable."""

from dataclasses import dataclass
from math import isfinite
from typing import Any, ClassVar, Literal

from msgspec import UNSET, UnsetType

from evaluation.inputs import PACKAGES
from evaluation.measures import measure_names, measures_of
from evaluation.outcome import Outcome
from evaluation.readable import not_measured, readable_only
from evaluation.statistics.compare import INTERVAL_METHOD, compare_arms
from evaluation.titles.draw import FEWEST
from titlecraft.errors import UserError
from titlecraft.records import (
    Code,
    EvaluationRecord,
    Measure,
    NotMeasured,
    Pin,
    Record,
    Tested,
    column,
    current_code,
    tokens_column,
)
from titlecraft.records.evaluation import CLUSTER
from titlecraft.settings import Evaluation, Generation

# columns; rows with equal values have the same scored tokens
TOKENS = (
    "uid",
    "title",
    "prompt",
    "reference",
    "reference_tokens",
)


class Contender(Record, frozen=True):
    """An adapter in a comparison, its report, and the conditions of its evaluation."""

    adapter: Pin
    report: Pin
    report_id: str
    n: int
    quantization: str
    precision: str
    device: str
    code: Code


class ComparisonRecord(Tested, frozen=True):
    """The comparison of two adapters on the same titles, compare.json: "before" is adapter A and "after" is adapter B.

    `n` is the number of compared titles: those that both reports have, with the same scored tokens. `base_apart` is the largest
    difference over titles between the two reports in the primary measure of the base alone.
    """

    arms: ClassVar[tuple[str, str]] = ("A", "B")
    sampled: ClassVar[list[Measure]] = []
    also: ClassVar[list[Measure]] = []
    grounded: ClassVar[None] = None

    a: Contender
    b: Contender
    code: Code
    dataset: Pin
    base: Pin
    split: str
    evaluation: Evaluation
    generation: Generation
    n: int
    base_apart: float
    interval_method: str
    measures: list[Measure]
    not_measured: list[NotMeasured] | UnsetType = UNSET
    schema: Literal["titlecraft/comparison/1"] = "titlecraft/comparison/1"


@dataclass(frozen=True)
class Published:
    """A published report: the pinned adapter repo, the record, and the rows of the predictions."""

    pin: Pin
    record: EvaluationRecord
    rows: list[dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.pin}:evaluation/{self.record.id}"

    def contender(self) -> Contender:
        """This report as one side of a ComparisonRecord."""
        record = self.record
        return Contender(
            adapter=record.adapter,
            report=self.pin,
            report_id=record.id,
            n=record.n,
            quantization=record.quantization,
            precision=record.precision,
            device=record.device,
            code=record.code,
        )


def compare_reports(a: Published, b: Published) -> tuple[ComparisonRecord, list[dict[str, Any]]]:
    """The comparison, and a row for each common title: "before" is the answer of A's adapter, "after" that of B's.

    Raises UserError if the two reports do not measure the same thing, or have too few titles in common.
    """
    require_comparable(a, b)
    pairs = common_rows(a, b)
    first = a.record
    primary = column(first.evaluation.primary, "before")
    base_differences = [
        abs(row[primary] - other_row[primary])
        for row, other_row in pairs
        if None not in (row[primary], other_row[primary])
    ]
    if not all(map(isfinite, base_differences)):  # max() may ignore a NaN
        raise UserError(
            f"{a} or {b} says of its base that {first.evaluation.primary} is no finite number: evaluate anew"
        )
    arms = zip(*([outcome(row, first.evaluation) for row in pair] for pair in pairs), strict=True)
    titles, references = ([row[name] for row, _ in pairs] for name in ("title", "reference"))
    clusters = [row[CLUSTER] for row, _ in pairs] if CLUSTER in pairs[0][0] else None
    outcomes = readable_only(dict(zip(("before", "after"), map(list, arms), strict=True)), titles, references)
    record = ComparisonRecord(
        a=a.contender(),
        b=b.contender(),
        code=current_code("evaluation", *PACKAGES),
        dataset=first.dataset,
        base=first.base,
        split=first.split,
        evaluation=first.evaluation,
        generation=first.generation,
        n=len(pairs),
        base_apart=max(base_differences, default=0.0),
        interval_method=INTERVAL_METHOD,
        measures=compare_arms(outcomes, references, first.evaluation, clusters),
        not_measured=not_measured(outcomes, titles, references, first.evaluation, measures_of(first.evaluation))
        or UNSET,
    )
    return record, [
        side_by_side(row, *pair_of_outcomes)
        for (row, _), *pair_of_outcomes in zip(pairs, outcomes["before"], outcomes["after"], strict=True)
    ]


def require_comparable(a: Published, b: Published) -> None:
    """Raise UserError, naming the differences, if two reports do not measure the same thing."""
    settings = ("primary", "confidence", "resamples", "seed", "retriever", "bertscore")
    facts = {
        "dataset": lambda record: str(record.dataset),
        "base": lambda record: str(record.base),
        "split": lambda record: record.split,
    }
    facts |= {f"evaluation.{name}": lambda record, name=name: getattr(record.evaluation, name) for name in settings}
    facts |= {
        f"generation.{name}": lambda record, name=name: getattr(record.generation, name)
        for name in Generation.__dataclass_fields__
    }
    for name, fact in facts.items():
        if fact(a.record) != fact(b.record):
            raise UserError(
                f"{a} and {b} are not comparable: {name} is {fact(a.record)} in A and {fact(b.record)} in B. Evaluate both "
                "adapters with the same recipe, trained on the same base and dataset revision"
            )
    for report in (a, b):
        missing = [
            name for name in measure_names(report.record.evaluation) if column(name, "after") not in report.rows[0]
        ]
        if missing:
            raise UserError(
                f"{report} is of another version of Titlecraft and lacks {', '.join(missing)}: evaluate {report.pin.repo} anew"
            )


def common_rows(a: Published, b: Published) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Pairs of rows (A, B) with the same title and the same scored tokens, in the order of A. Raises UserError if too few."""
    rows_of_b = {tuple(row[name] for name in TOKENS): row for row in b.rows}
    keys = [(row, tuple(row[name] for name in TOKENS)) for row in a.rows]
    pairs = [(row, rows_of_b[key]) for row, key in keys if key in rows_of_b]
    if len(pairs) < (required := min(FEWEST, a.record.n, b.record.n)):
        raise UserError(
            f"{a} and {b} have {len(pairs)} titles in common ({a.record.n} and {b.record.n} were asked): a comparison needs "
            f"{required}. Evaluate both adapters with the same recipe"
        )
    return pairs


def outcome(row: dict[str, Any], settings: Evaluation) -> Outcome:
    """The outcome of a report's adapter for one title, from its row of the predictions."""
    values = {name: row[column(name, "after")] for name in measure_names(settings)}
    return Outcome(prompt=row["prompt"], texts=[row["after"]], tokens=row[tokens_column("after")], values=values)


def side_by_side(row: dict[str, Any], a: Outcome, b: Outcome) -> dict[str, Any]:
    """A row in the columns of predictions.parquet, with A's adapter as "before" and B's as "after"."""
    merged = {name: row[name] for name in TOKENS}
    for arm, arm_outcome in (("before", a), ("after", b)):
        merged |= {arm: arm_outcome.texts[0], tokens_column(arm): arm_outcome.tokens}
        merged |= {column(name, arm): value for name, value in arm_outcome.values.items()}
    return merged
