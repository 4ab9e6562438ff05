"""Two reports on the same titles: what makes them comparable, and the paired statistics of adapter B against adapter A."""

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
from titlecraft.settings import Evaluation, Generation

TOKENS = ("uid", "title", "prompt", "reference", "reference_tokens")  # equal in both: the same tokens were scored


class Contender(Record, frozen=True):
    """One side of a comparison: an adapter as it was evaluated, its report, and what had a part in it besides."""

    adapter: Pin
    report: Pin
    report_id: str
    n: int
    quantization: str
    precision: str
    device: str
    code: Code


class ComparisonRecord(Tested, frozen=True):
    """Two adapters on the same titles, compare.json: in its measures "before" is adapter A and "after" is adapter B.

    `n` titles were asked by both reports and scored on the same tokens; nothing else is compared. `base_apart` is the
    largest difference, over the titles, of what the two reports say of the base alone in the primary measure.
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
    """A report as it lies in an adapter repo: where, its record, and the rows of its predictions."""

    pin: Pin
    record: EvaluationRecord
    rows: list[dict[str, Any]]

    def __str__(self) -> str:
        return f"{self.pin}:evaluation/{self.record.id}"

    def contender(self) -> Contender:
        """This side as the comparison's record names it."""
        one = self.record
        return Contender(
            adapter=one.adapter,
            report=self.pin,
            report_id=one.id,
            n=one.n,
            quantization=one.quantization,
            precision=one.precision,
            device=one.device,
            code=one.code,
        )


def compare_reports(a: Published, b: Published) -> tuple[ComparisonRecord, list[dict[str, Any]]]:
    """The comparison, and a row for each title that both asked: "before" is what A's adapter did, "after" B's.

    Raises UserError where the two reports do not measure the same thing, or have too few titles in common.
    """
    require_comparable(a, b)
    pairs = common_rows(a, b)
    one = a.record
    primary = column(one.evaluation.primary, "before")
    apart = [abs(row[primary] - other[primary]) for row, other in pairs if None not in (row[primary], other[primary])]
    if not all(map(isfinite, apart)):  # max() may pass over a NaN
        raise UserError(f"{a} or {b} says of its base that {one.evaluation.primary} is no finite number: evaluate anew")
    arms = zip(*([outcome(row, one.evaluation) for row in pair] for pair in pairs), strict=True)
    titles, references = ([row[name] for row, _ in pairs] for name in ("title", "reference"))
    found = readable_only(dict(zip(("before", "after"), map(list, arms), strict=True)), titles, references)
    record = ComparisonRecord(
        a=a.contender(),
        b=b.contender(),
        code=current_code("evaluation", *PACKAGES),
        dataset=one.dataset,
        base=one.base,
        split=one.split,
        evaluation=one.evaluation,
        generation=one.generation,
        n=len(pairs),
        base_apart=max(apart, default=0.0),
        interval_method=INTERVAL_METHOD,
        measures=compare_arms(found, references, one.evaluation),
        not_measured=not_measured(found, titles, references, one.evaluation, measures_of(one.evaluation)) or UNSET,
    )
    return record, [
        side_by_side(row, *both) for (row, _), *both in zip(pairs, found["before"], found["after"], strict=True)
    ]


def require_comparable(a: Published, b: Published) -> None:
    """Refuse two reports that do not measure the same thing. Raises UserError with what differs."""
    settings = ("primary", "confidence", "resamples", "seed", "retriever", "bertscore")
    facts = {"dataset": lambda one: str(one.dataset), "base": lambda one: str(one.base), "split": lambda one: one.split}
    facts |= {f"evaluation.{name}": lambda one, name=name: getattr(one.evaluation, name) for name in settings}
    facts |= {
        f"generation.{name}": lambda one, name=name: getattr(one.generation, name)
        for name in Generation.__dataclass_fields__
    }
    for name, fact in facts.items():
        if fact(a.record) != fact(b.record):
            raise UserError(
                f"{a} and {b} are not comparable: {name} is {fact(a.record)} in A and {fact(b.record)} in B. Evaluate both "
                "adapters with the same recipe, trained on the same base and dataset revision"
            )
    for report in (a, b):
        lacking = [
            name for name in measure_names(report.record.evaluation) if column(name, "after") not in report.rows[0]
        ]
        if lacking:
            raise UserError(
                f"{report} is of another version of Titlecraft and lacks {', '.join(lacking)}: evaluate {report.pin.repo} anew"
            )


def common_rows(a: Published, b: Published) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The rows of both reports that asked the same title and scored the same tokens, in the order of A."""
    known = {tuple(row[name] for name in TOKENS): row for row in b.rows}
    keys = [(row, tuple(row[name] for name in TOKENS)) for row in a.rows]
    pairs = [(row, known[key]) for row, key in keys if key in known]
    if len(pairs) < (fewest := min(FEWEST, a.record.n, b.record.n)):
        raise UserError(
            f"{a} and {b} have {len(pairs)} titles in common ({a.record.n} and {b.record.n} were asked): a comparison needs "
            f"{fewest}. Evaluate both adapters with the same recipe"
        )
    return pairs


def outcome(row: dict[str, Any], settings: Evaluation) -> Outcome:
    """What the adapter of a report did with one title."""
    values = {name: row[column(name, "after")] for name in measure_names(settings)}
    return Outcome(prompt=row["prompt"], texts=[row["after"]], tokens=row[tokens_column("after")], values=values)


def side_by_side(row: dict[str, Any], a: Outcome, b: Outcome) -> dict[str, Any]:
    """One row as the pages and plots read it, with A's adapter as "before" and B's as "after"."""
    both = {name: row[name] for name in TOKENS}
    for arm, one in (("before", a), ("after", b)):
        both |= {arm: one.texts[0], tokens_column(arm): one.tokens}
        both |= {column(name, arm): value for name, value in one.values.items()}
    return both
