"""What an evaluation leaves behind: report.json, with every measure before and after."""

from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec import UNSET, UnsetType

from titlecraft.records.base import Code, File, Pin, Record
from titlecraft.records.training import Check
from titlecraft.settings import Base, Evaluation, Generation

Verdict = Literal["better", "worse", "higher", "lower", "no measured difference"]
Group = Literal[
    "likelihood", "specificity", "coherence", "detail", "contextualisation", "overlap", "form", "forgetting"
]
GROUNDED_HEADING = "Tuned → with sources"  # in the columns before and after
SAMPLED = "_sampled"  # ends the name of an arm whose answers are sampled


def column(measure: str, arm: str) -> str:
    """Column of predictions.parquet with a measure's values in one arm: "chrf_after", "chrf_after_sampled"."""
    return f"{measure}_{arm}"


def sampled_arm(arm: str) -> str:
    """The arm again with sampled answers, which is also the column with their texts: "after_sampled"."""
    return f"{arm}{SAMPLED}"


def tokens_column(arm: str) -> str:
    """Column of predictions.parquet with the number of tokens of each answer: "after_tokens"."""
    return f"{arm}_tokens"


CLAIMS: tuple[Group, ...] = ("specificity", "coherence", "detail", "contextualisation")  # of the original notebook


class Measure(Record, frozen=True, rename={"std": "spread", "minimum_detectable_effect": "detectable"}):
    """One measure, before and after. `difference` = after − before; the interval is that of the difference, paired by title.

    `wins` and `losses` count titles that got better and worse; null where neither direction is better. `p_holm` is the
    p-value corrected for all measures that were tested beside it (of the primary measure, which stands alone: the p-value
    itself); it compares with `level` = 1 − confidence. `std` is the standard deviation of the paired differences ("spread" in the
    JSON), and `minimum_detectable_effect` ("detectable" there) the smallest mean difference that this many titles show in 80 % of
    all experiments, given that deviation and tested alone.
    `n` counts the titles whose script the measure can read; a record may have asked more.
    `neutral_before` and `neutral_after` count texts of which the measure could tell nothing; null where it always can.
    """

    name: str
    label: str
    group: Group
    unit: str
    better: Literal["lower", "higher", "neither"]
    definition: str
    source: str
    n: int
    before: float
    after: float
    difference: float
    low: float
    high: float
    p_value: float
    p_holm: float
    level: float
    std: float
    minimum_detectable_effect: float
    wins: int | None
    ties: int
    losses: int | None
    neutral_before: int | None
    neutral_after: int | None

    def verdict(self) -> Verdict:
        """What may be said: nothing where the interval holds 0, or where the corrected p-value is above the level."""
        if self.low <= 0 <= self.high or self.p_holm > self.level:
            return "no measured difference"
        up = self.difference > 0
        if self.better == "neither":
            return "higher" if up else "lower"
        return "better" if up == (self.better == "higher") else "worse"


class NotMeasured(Record, frozen=True):
    """A measure that is left out: it reads `read` of the `n` titles, and `lacking` names what the others do not have.

    The names are those of evaluation.measures.scripts: "spaces", "marks", "latin", "accents", "sentences", "digits",
    "capitals", "nouns".
    """

    name: str
    label: str
    read: int
    n: int
    lacking: list[str]


class Grounded(Record, frozen=True):
    """The third arm: in its measures "before" is the tuned model, "after" the same model with sources in its prompt.

    `titles` have sources, `sources` in all, rows of `split`; `left_out` counts rows that were found and would have given an
    answer away: a copy of the title's own row, in title or text. `near_not_looked_for` counts titles whose reference has no
    spaces between words, so that only whole copies of it were looked for; it is not there where there are none.
    """

    split: str
    titles: int
    sources: int
    left_out: int
    measures: list[Measure]
    near_not_looked_for: int | UnsetType = UNSET


class Tested(Record, frozen=True):
    """What the records of paired experiments have in common: two arms, and measures of which one answers the question.

    The fields are named in the subclasses, whose JSON keeps its own order.
    """

    arms: ClassVar[tuple[str, str]]

    if TYPE_CHECKING:  # msgspec would make fields of annotations, in this order

        @property
        def n(self) -> int: ...
        @property
        def evaluation(self) -> Evaluation: ...
        @property
        def generation(self) -> Generation: ...
        @property
        def dataset(self) -> Pin: ...
        @property
        def measures(self) -> list[Measure]: ...
        @property
        def sampled(self) -> list[Measure]: ...
        @property
        def also(self) -> list[Measure]: ...
        @property
        def grounded(self) -> Grounded | None: ...
        @property
        def not_measured(self) -> list[NotMeasured] | UnsetType: ...

    def primary(self) -> Measure:
        """The measure that was named in the recipe before anything was looked at."""
        return next(measure for measure in self.measures if measure.name == self.evaluation.primary)

    def blocks(self) -> list[tuple[str, list[Measure]]]:
        """The measures as every table shows them: the one that answers, the claims, the rest, and those of sampled answers."""
        primary, others = self.primary(), [one for one in self.measures if one.name != self.evaluation.primary]
        claims = [one for claim in CLAIMS for one in others if one.group == claim]
        rest = [one for one in others if one.group not in CLAIMS]
        found = [("Primary measure", [primary]), ("The four claims", claims), ("Other measures", rest)]
        found.append((f"Of {self.evaluation.sampled} sampled answers", self.sampled))
        found.append(("Standard benchmarks", self.also))
        return [(heading, measures) for heading, measures in found if measures]

    def left_out(self) -> list[NotMeasured]:
        """The measures that could not read enough titles."""
        return [] if self.not_measured is UNSET else self.not_measured

    def report_blocks(self) -> list[tuple[str, list[Measure]]]:
        """The same, and the third arm, which a report shows and a card does not: it is not about the adapter alone."""
        grounded = [] if self.grounded is None else [(GROUNDED_HEADING, self.grounded.measures)]
        return self.blocks() + grounded


class EvaluationRecord(Tested, frozen=True):
    """The before/after experiment: report.json. No clock times in here: the same inputs give the same bytes.

    Rows of the split = titles_available + sum(excluded). `references_cut` of the n references passed the model's length.
    `sampled` has the measures of sampled answers, mean over the answers to a title; empty where none were asked for.
    `also` has standard benchmarks of lighteval, before and after, and `benchmarks` their data sets. `grounded` has the third
    arm, where the recipe asked for it.
    `not_measured` names measures that could not read the texts' script, and `near_not_looked_for` counts rows of the split
    whose description has no spaces between words, so that near copies of it were not looked for. Neither is there where
    there is nothing to say: a record without them is as it always was.
    """

    arms: ClassVar[tuple[str, str]] = ("before", "after")

    id: str
    key: str
    code: Code
    dataset: Pin
    base: Pin
    adapter: Pin
    split: str
    evaluation: Evaluation
    generation: Generation
    base_settings: Base
    quantization: str
    precision: str
    device: str
    n: int
    titles_available: int
    excluded: dict[str, int]
    references_cut: int
    guards: list[Check]
    interval_method: str
    measures: list[Measure]
    sampled: list[Measure]
    also: list[Measure]
    benchmarks: list[Pin]
    files: list[File]
    grounded: Grounded | None = None
    not_measured: list[NotMeasured] | UnsetType = UNSET
    near_not_looked_for: int | UnsetType = UNSET
    schema: Literal["titlecraft/evaluation/2"] = "titlecraft/evaluation/2"
