"""Words a result for the report, the console and the plots: intervals, p-values, verdicts and the answer."""

from msgspec import UNSET

from evaluation.measures import entry_named
from evaluation.measures.scripts import ALL_NEEDS
from evaluation.report.numbers import ROUNDING, number, rounded_up
from evaluation.statistics.significance import minimum_detectable_effect, smallest_p_value
from evaluation.titles.draw import FEWEST
from titlecraft.hub.pins import split_revision
from titlecraft.records import EvaluationRecord, Measure, NotMeasured, Pin, Tested
from titlecraft.settings import BM25, Evaluation

WEIGHTS = {
    "nf4": "as 4-bit NormalFloat weights",
    "fp4": "as 4-bit floating-point weights",
    "int8": "as 8-bit integer weights",
    "none": "not quantised",
}


def reproducible(record: EvaluationRecord) -> str:
    """Return what reproduces the numbers of this report, and what changes their last digits."""
    on_cpu = record.device.startswith("cpu")
    condition = "the same commits, recipe and package versions give these bytes again, also after an interruption"
    condition += (
        "" if on_cpu else ", on the same GPU model with the same driver, as far as its kernels are deterministic"
    )
    return (
        f"computed in {record.precision} on {record.device}, in batches of {record.evaluation.batch_size}: {condition}. Other hardware, "
        "another precision or another batch size changes the rounding of floating-point sums, and can change a greedy answer "
        "where two tokens are almost equally likely"
    )


def weights(quantization: str) -> str:
    """Return how the base's weights were loaded."""
    return WEIGHTS.get(quantization, quantization)


def interval(measure: Measure) -> str:
    """Return the interval of the difference."""
    if measure.low is None or measure.high is None:
        return "too few titles"
    return f"{number(measure.low, signed=True)} to {number(measure.high, signed=True)}"


def interval_of_titles(measure: Measure) -> str:
    """Return the interval over independent titles, in brackets; empty if it is the interval of the clusters."""
    low, high = measure.titles_low, measure.titles_high
    if not isinstance(low, float) or not isinstance(high, float):
        return ""
    text = f"{number(low, signed=True)} to {number(high, signed=True)}"
    return "" if text == interval(measure) else f"titles as independent: {text}"


def p_value(measure: Measure, settings: Evaluation) -> str:
    """Return the p-value, Holm-corrected unless the measure is the primary one; never 0.

    The smallest p-value that the random sign flips can give is an upper bound: "≤ 0.0002".
    """
    smallest = smallest_p_value(settings)
    if measure.p_value <= smallest * (1 + ROUNDING):
        return f"≤ {rounded_up(max(measure.p_holm, smallest)):g}"
    return "< 0.001" if measure.p_holm < 0.001 else f"{measure.p_holm:.3f}"


def neutral(measure: Measure) -> str:
    """Return the number of texts with the neutral value, in a sentence; empty if the measure has no neutral value."""
    if measure.neutral_before is None:
        return ""
    return f"{measure.neutral_before} of {measure.n} texts before and {measure.neutral_after} after have the neutral value."


def titles_read(record: Tested, measure: Measure) -> str:
    """Return the number of titles with a value of the measure; empty if it reads all titles."""
    if measure.group == "forgetting" or measure.n == record.n:
        return ""
    return f"on {measure.n:,} of {record.n:,} titles"


def left_out(measure: NotMeasured) -> str:
    """Return why a measure is left out, and how many titles it reads."""
    descriptions = [ALL_NEEDS[name].lacking if name in ALL_NEEDS else f"without {name}" for name in measure.lacking]
    reason = f"means nothing on texts {' or '.join(descriptions)}" if descriptions else "cannot read the texts"
    return f"{measure.label}: not measured; it {reason}, and reads {measure.read:,} of {measure.n:,} titles"


def coverage(settings: Evaluation) -> str:
    """Return the confidence in per cent: 0.95 -> "95%"; 0.999 -> "99.9%"."""
    return f"{100 * settings.confidence:.10g}%"


def plan(settings: Evaluation, titles: int) -> str:
    """Return the settings that are fixed before the experiment, and what this number of titles can show, in one line."""
    primary = entry_named(settings.primary, settings)
    effect = minimum_detectable_effect(1.0, titles, settings)
    better = "" if primary.better == "neither" else f", {primary.better} is better"
    return (
        f"fixed in the recipe: primary measure {primary.label} ({primary.unit}{better}), {titles:,} titles of the "
        f"test split by seed {settings.seed}, {coverage(settings)} confidence; a true difference of {number(effect)} standard deviations "
        "of the paired differences would be found in 4 of 5 such experiments"
    )


def encoders(settings: Evaluation) -> list[Pin]:
    """Return the text encoders of a report's measures, each once."""
    named = dict.fromkeys(model for model in (settings.retriever, settings.bertscore) if model not in (BM25, None))
    pairs = [split_revision(model) for model in named]
    return [Pin(type="model", repo=repo, revision=revision) for repo, revision in pairs]


def differences_vary(measure: Measure) -> bool:
    """Return whether the paired differences vary between titles."""
    return measure.std > ROUNDING * abs(measure.difference)


def power(record: Tested) -> str:
    """Return the minimum detectable effect in the primary measure, in a sentence."""
    measure = record.primary()
    if not differences_vary(measure):
        return f"{measure.label} differs by the same on all {measure.n:,} titles: the smallest difference that they show is unknown."
    return (
        f"A true difference of {number(measure.minimum_detectable_effect)} {measure.unit} in {measure.label} would be found in 4 of 5 such "
        f"experiments with {measure.n:,} titles (standard deviation of the paired differences: {number(measure.std)})."
    )


def clustered(record: Tested) -> str:
    """Return how similar titles are clustered, in a sentence; empty for a record whose titles are independent."""
    measure = record.primary()
    if not isinstance(measure.design_effect, float):
        return ""
    known = getattr(record, "clusters", UNSET)
    count = (
        f"The {record.n:,} titles make {known.count:,} clusters"
        if known is not UNSET
        else "Similar titles make clusters"
    )
    similar = "of similar descriptions" + (
        f" or equal {' and '.join(known.columns)}" if known is not UNSET and known.columns else ""
    )
    return (
        f"{count} {similar}. Intervals and p-values are those of the clusters: the variance of the mean difference in {measure.label} is "
        f"{number(measure.design_effect)} times that of independent titles (design effect)."
    )


def third_party(record: Tested) -> list[str]:
    """Return what the files of an adapter without a training record say, then what is unknown; none for another adapter."""
    adapter = getattr(record, "third_party", UNSET)
    return [] if adapter is UNSET else [*(f"{fact}." for fact in adapter.facts()), adapter.unknown()]


ONE_RUN = "One training run: how much another seed would change this was not measured."
ONE_RUN_EACH = "Each adapter is one training run: how much another seed would change this was not measured."


def corrected_together(record: Tested, measure: Measure) -> int:
    """Return how many p-values were corrected together with that of a measure; 1 for the primary measure."""
    if measure.name == record.evaluation.primary and measure in record.measures:
        return 1
    for measures in (record.measures, record.sampled, record.also, record.grounded.measures if record.grounded else []):
        if measure in measures:
            return len(measures) - (measures is record.measures)
    return 1


def power_alone(record: Tested, measure: Measure) -> str:
    """Return the minimum detectable effect in any measure, without correction; empty if its differences do not vary."""
    if not differences_vary(measure):
        return ""
    alone = "" if measure.name == record.evaluation.primary else ", if it is tested alone"
    unit = "questions" if measure.group == "forgetting" else "titles"
    return (
        f"A true difference of {number(measure.minimum_detectable_effect)} would be found in 4 of 5 such experiments with {measure.n} {unit}"
        f"{alone}."
    )


def answer(record: Tested) -> str:
    """Return the answer to "did fine-tuning help?" or "which adapter is better?", in a sentence about the primary measure."""
    measure = record.primary()
    width = f"{coverage(record.evaluation)} interval"
    alone = isinstance(record, EvaluationRecord)
    between = "" if alone else " between the adapters A and B"
    scope = f"on {measure.n:,} {'held-out titles' if alone else 'titles of both reports'}"
    if measure.low is None or measure.high is None:
        return (
            f"{measure.label} differs{between} by {number(measure.difference, signed=True)} {measure.unit} {scope}: with fewer than {FEWEST} "
            "titles or clusters of titles there is no interval and no verdict."
        )
    if measure.verdict() == "no measured difference":
        return (
            f"No measured difference in {measure.label}{between}: {number(measure.difference, signed=True)} {measure.unit} "
            f"({width} {interval(measure)}) {scope}."
        )
    rises = measure.difference > 0
    low, high = sorted((abs(measure.low), abs(measure.high)))
    amount = f"by {number(abs(measure.difference))} {measure.unit} ({width} {number(low)} to {number(high)}) {scope}"
    if alone:
        worse = ", which is worse" if measure.verdict() == "worse" else ""
        return f"Fine-tuning {'raised' if rises else 'lowered'} {measure.label} {amount}{worse}."
    means = {"better": ": B is better", "worse": ": A is better"}.get(measure.verdict(), "")
    return f"Adapter B has a {'higher' if rises else 'lower'} {measure.label} than adapter A {amount}{means}."


def verdict(record: Tested, measure: Measure) -> str:
    """Return the measure's verdict; between two adapters it names the better one."""
    text = measure.verdict()
    if measure.low is None:
        return "too few titles"
    if text == "no measured difference" and measure.excludes_zero():
        return f"not significant after correction for {corrected_together(record, measure)} measures"
    if isinstance(record, EvaluationRecord) or text == "no measured difference":
        return text
    return {"better": "B better", "worse": "A better"}.get(text, f"B {text}")


def sides(record: Tested) -> tuple[str, str]:
    """Return the labels of the left and right side of a plot of differences."""
    return ("worse", "better") if isinstance(record, EvaluationRecord) else ("A better", "B better")
