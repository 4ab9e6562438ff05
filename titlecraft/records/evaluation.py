"""report.json: the result of an evaluation, with every measure before and after."""

from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec import UNSET, UnsetType

from titlecraft.records.base import Code, File, Pin, Record
from titlecraft.records.third_party import ThirdPartyAdapter
from titlecraft.records.training import Check
from titlecraft.settings import Base, Evaluation, Generation

Verdict = Literal["better", "worse", "higher", "lower", "no measured difference"]
Group = Literal[
    "likelihood", "specificity", "coherence", "detail", "contextualisation", "overlap", "form", "forgetting"
]
GROUNDED_HEADING = "Tuned → with sources"  # in the columns before and after
MEANT_TO_IMPROVE = "What the tuning was meant to improve"  # heading of the measures of CLAIMS
CLUSTER = "cluster"  # the column of predictions.parquet with the cluster of each title
SAMPLED = "_sampled"  # ends the name of an arm whose answers are sampled


def column(measure: str, arm: str) -> str:
    """Return the column of predictions.parquet with a measure's values in one arm: "chrf_after", "chrf_after_sampled"."""
    return f"{measure}_{arm}"


def sampled_arm(arm: str) -> str:
    """Return the name of an arm with sampled answers, which is also the column of their texts: "after_sampled"."""
    return f"{arm}{SAMPLED}"


def tokens_column(arm: str) -> str:
    """Return the column of predictions.parquet with the number of tokens of each answer: "after_tokens"."""
    return f"{arm}_tokens"


CLAIMS: tuple[Group, ...] = ("specificity", "coherence", "detail", "contextualisation")  # of the original notebook


class Measure(Record, frozen=True, rename={"std": "spread", "minimum_detectable_effect": "detectable"}):
    """A measure before and after. `difference` = after − before; the interval is of the difference, paired by title.

    `wins` and `losses` count titles that improved and got worse; null if neither direction is better. `p_holm` is the
    p-value after the Holm correction over the measures tested together (for the primary measure, which is tested alone,
    the uncorrected p-value); `level` = 1 − confidence is the significance level. `std` is the standard deviation of the
    paired differences ("spread" in the JSON). `minimum_detectable_effect` ("detectable" in the JSON) is the smallest
    mean difference that this number of titles detects with 80 % power in a single test. `n` counts the titles whose
    script the measure can read; the record may have more titles. `neutral_before` and `neutral_after` count texts
    without a value; null if the measure always has one. `low` and `high` are null for fewer than 30 titles or clusters.

    Where similar titles make clusters, the interval, p-value and detectable effect are those of the clusters.
    `design_effect` is then the variance of the mean difference as a multiple of that over independent titles, and
    `titles_low` and `titles_high` are the interval over independent titles. All three are absent without clusters.
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
    low: float | None
    high: float | None
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
    design_effect: float | UnsetType = UNSET
    titles_low: float | UnsetType | None = UNSET
    titles_high: float | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        """Raise ValueError, which makes a report unreadable, if an interval has one end and not the other."""
        for low, high in ((self.low, self.high), (self.titles_low, self.titles_high)):
            if isinstance(low, float) != isinstance(high, float):
                raise ValueError(f"{self.label}: expected both ends of an interval or none, not {low} to {high}")

    def excludes_zero(self) -> bool:
        """Whether the interval lies on one side of 0; False without an interval."""
        return self.low is not None and self.high is not None and not self.low <= 0 <= self.high

    def verdict(self) -> Verdict:
        """Return the conclusion: no difference if the interval holds 0 or is missing, or if the corrected p-value exceeds the level."""
        if not self.excludes_zero() or self.p_holm > self.level:
            return "no measured difference"
        increases = self.difference > 0
        if self.better == "neither":
            return "higher" if increases else "lower"
        return "better" if increases == (self.better == "higher") else "worse"


class BenchmarkResult(Record, frozen=True):
    """What a measure of `also` was measured on: a configuration and split of a dataset.

    `task_id` is the task of the dataset's `eval.yaml` that the measure is the result of, as the Hub's benchmarks have it;
    null for a dataset without one and for a task's further metrics.
    """

    measure: str
    dataset: Pin
    config: str
    split: str
    task_id: str | None


class NotMeasured(Record, frozen=True):
    """A measure that was left out: it can read `read` of the `n` titles, and `lacking` names what the others lack.

    The names are those of evaluation.measures.scripts: "spaces", "marks", "latin", "accents", "sentences", "digits",
    "capitals", "nouns".
    """

    name: str
    label: str
    read: int
    n: int
    lacking: list[str]


class Clusters(Record, frozen=True):
    """Clusters of similar titles: `count` of them, the largest with `largest` titles.

    Titles are in one cluster if the Jaccard similarity of their references' word 5-grams is at least `similarity`, or if
    they have the same value in one of the `columns`. `left_out` names looser similarities and columns that would have left too few.
    """

    count: int
    largest: int
    similarity: float
    columns: list[str]
    left_out: list[str]


class Answers(Record, frozen=True):
    """All answers of one arm together: `distinct` of them differ, and one is given `most_repeated` times.

    `distinct_2` is the number of distinct word 2-grams per word 2-gram over all answers. `copied_words` of the `words`
    lie in a passage of the training split (see the measure "verbatim_copy"). `looping` answers did not end with EOS, and more than
    half of their word 4-grams repeat an earlier one (see the measure "repetition"); reports made before do not have it.
    """

    distinct: int
    most_repeated: int
    distinct_2: float
    words: int
    copied_words: int
    looping: int | UnsetType = UNSET


class AllAnswers(Record, frozen=True):
    """The answers of both arms, taken together: whether a model says the same to every title, and what it copies."""

    before: Answers
    after: Answers


class Grounded(Record, frozen=True):
    """The third arm: "before" is the tuned model, "after" the same model with retrieved sources in its prompt.

    `titles` have sources, `sources` in total, which are rows of `split`. `left_out` counts retrieved rows that would
    reveal the answer: copies of the title's own row. `near_not_looked_for` counts titles whose reference has no spaces
    between words, so that only exact copies were looked for; it is absent if there are none.
    """

    split: str
    titles: int
    sources: int
    left_out: int
    measures: list[Measure]
    near_not_looked_for: int | UnsetType = UNSET


class Tested(Record, frozen=True):
    """The common base of paired experiments: two arms, and measures with one primary measure.

    Subclasses declare the fields, because the JSON of each has its own order.
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
        """The primary measure, which the recipe names in advance."""
        return next(measure for measure in self.measures if measure.name == self.evaluation.primary)

    def blocks(self) -> list[tuple[str, list[Measure]]]:
        """Return the measures as tables show them: primary, claims, others, sampled answers and benchmarks."""
        primary = self.primary()
        others = [measure for measure in self.measures if measure.name != primary.name]
        claims = [measure for claim in CLAIMS for measure in others if measure.group == claim]
        without_claim = [measure for measure in others if measure.group not in CLAIMS]
        all_blocks = [
            ("Primary measure", [primary]),
            (MEANT_TO_IMPROVE, claims),
            ("Other measures", without_claim),
        ]
        all_blocks.append((f"Of {self.evaluation.sampled} sampled answers", self.sampled))
        all_blocks.append(("Standard benchmarks", self.also))
        return [(heading, measures) for heading, measures in all_blocks if measures]

    def left_out(self) -> list[NotMeasured]:
        """The measures that could not read enough titles."""
        return [] if self.not_measured is UNSET else self.not_measured

    def report_blocks(self) -> list[tuple[str, list[Measure]]]:
        """Return the blocks of a report: those of a card, and the third arm."""
        grounded = [] if self.grounded is None else [(GROUNDED_HEADING, self.grounded.measures)]
        return self.blocks() + grounded


class EvaluationRecord(Tested, frozen=True):
    """The before/after experiment, report.json. It has no clock times, so the same inputs give the same bytes.

    Rows of the split = titles_available + sum(excluded). `references_cut` counts references that exceed the model's
    length. `sampled` has the measures of sampled answers, averaged per title; empty if none were requested. `also` has
    the benchmarks before and after, `benchmarks` the pins of their datasets, and `benchmark_results` what each was
    measured on. `grounded` has the third arm if it was
    requested. `not_measured` names measures that cannot read the script of the texts. `near_not_looked_for` counts rows
    of the split without spaces between words, for which near copies were not looked for. Both are absent if there is
    nothing to report, so that older records keep their bytes. `third_party` has what is known of an adapter without a
    training record; it is absent for Titlecraft's own.
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
    clusters: Clusters | UnsetType = UNSET
    answers: AllAnswers | UnsetType = UNSET
    third_party: ThirdPartyAdapter | UnsetType = UNSET
    benchmark_results: list[BenchmarkResult] | UnsetType = UNSET
    schema: Literal["titlecraft/evaluation/2"] = "titlecraft/evaluation/2"
