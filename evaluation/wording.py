"""How a result is said, the same in the report, on the console and in the plots: numbers, verdicts, the answer."""

from evaluation.measures import Entry
from titlecraft.records import EvaluationRecord, Measure
from titlecraft.settings import Evaluation

REPRODUCIBLE = (  # figures: benchmarks/results/reproducibility.json
    "on a CPU the same commits, recipe and package versions give these bytes again, also where a run was interrupted and went "
    "on. There, in float32 with a tiny base, two threads instead of one change nothing; batches of 1, 8 or 64 titles instead "
    "of 25 move the NLL of a reference by at most 3.2e-7 nats per token, the mean by at most 5.8e-9, and none of 200 greedy "
    "answers. What a GPU changes is not measured"
)


def number(value: float, *, signed: bool = False) -> str:
    """Three decimals, two from 10 on; a true minus sign, and a plus sign where a difference is meant."""
    text = f"{abs(value):.{2 if abs(value) >= 10 else 3}f}"
    zero = not text.strip("0.")
    return text if zero or (value > 0 and not signed) else ("−" if value < 0 else "+") + text


def interval(measure: Measure) -> str:
    """The interval of the difference."""
    return f"{number(measure.low, signed=True)} to {number(measure.high, signed=True)}"


def p_value(measure: Measure) -> str:
    """The p-value, corrected for being several where the measure is not the primary one; never as 0."""
    return "< 0.001" if measure.p_holm < 0.001 else f"{measure.p_holm:.3f}"


def neutral(measure: Measure) -> str:
    """How many texts the measure could tell nothing of, or nothing where that cannot be."""
    if measure.neutral_before is None:
        return ""
    return (
        f"Nothing to tell from {measure.neutral_before} of {measure.n} texts before and {measure.neutral_after} after."
    )


def plan(settings: Evaluation, primary: Entry) -> str:
    """What is fixed before anything is looked at, in one line."""
    better = "" if primary.better == "neither" else f", {primary.better} is better"
    return (
        f"fixed in the recipe: primary measure {primary.label} ({primary.unit}{better}), {settings.titles:,} titles of the "
        f"test split by seed {settings.seed}, {settings.confidence:.0%} confidence"
    )


def power(record: EvaluationRecord) -> str:
    """The smallest difference in the primary measure that this many titles can see."""
    measure = record.primary()
    return (
        f"{measure.n:,} titles show a difference in {measure.label} of {number(measure.detectable)} {measure.unit} or more in "
        f"80% of all experiments (paired differences spread by {number(measure.spread)})."
    )


def answer(record: EvaluationRecord) -> str:
    """The answer to "did fine-tuning help?", in one sentence with its interval, from the primary measure alone."""
    measure = record.primary()
    coverage = f"{record.evaluation.confidence:.0%} interval"
    on = f"on {record.n:,} held-out titles"
    if measure.verdict() == "no measured difference":
        return (
            f"No measured difference in {measure.label}: {number(measure.difference, signed=True)} {measure.unit} "
            f"({coverage} {interval(measure)}) {on}."
        )
    moved = "raised" if measure.difference > 0 else "lowered"
    low, high = sorted((abs(measure.low), abs(measure.high)))
    worse = ", which is worse" if measure.verdict() == "worse" else ""
    return (
        f"Fine-tuning {moved} {measure.label} by {number(abs(measure.difference))} {measure.unit} "
        f"({coverage} {number(low)} to {number(high)}) {on}{worse}."
    )
