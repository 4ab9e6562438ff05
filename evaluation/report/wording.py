"""How a result is said, the same in the report, on the console and in the plots: numbers, verdicts, the answer."""

from numpy import format_float_positional

from evaluation.measures import Entry
from evaluation.measures.scripts import ALL_NEEDS
from titlecraft.hub.pins import split_revision
from titlecraft.records import EvaluationRecord, Measure, NotMeasured, Pin, Tested
from titlecraft.settings import BM25, Evaluation

SMALLEST = 1e-6  # below it a number is what rounding leaves of 0
ROUNDING = 1e-9  # share of a difference: a smaller spread is that of floating-point numbers, not of titles


def number(value: float, *, signed: bool = False) -> str:
    """Three decimals, two from 10 on; a true minus sign, and a plus sign where a difference is meant.

    What would read 0 and is at least SMALLEST has one digit: "better, 0.000 to 0.000" contradicts itself.
    """
    size = abs(value)
    text = f"{size:.{2 if size >= 10 else 3}f}"
    if size >= SMALLEST and not text.strip("0."):
        text = format_float_positional(size, precision=1, unique=False, fractional=False, trim="-")
    zero = not text.strip("0.")
    return text if zero or (value > 0 and not signed) else ("−" if value < 0 else "+") + text


WEIGHTS = {
    "nf4": "as 4-bit NormalFloat weights",
    "fp4": "as 4-bit floating-point weights",
    "int8": "as 8-bit integer weights",
    "none": "not quantised",
}


def reproducible(record: EvaluationRecord) -> str:
    """What gives the numbers of this report again, and what changes their last digits."""
    on_cpu = record.device.startswith("cpu")
    same = "the same commits, recipe and package versions give these bytes again, also after an interruption"
    same += "" if on_cpu else ", on the same GPU model with the same driver, as far as its kernels are deterministic"
    return (
        f"computed in {record.precision} on {record.device}, in batches of {record.evaluation.batch_size}: {same}. Other hardware, "
        "another precision or another batch size changes the rounding of floating-point sums, and can change a greedy answer "
        "where two tokens are almost equally likely"
    )


def weights(quantization: str) -> str:
    """How the base's weights were loaded."""
    return WEIGHTS.get(quantization, quantization)


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


def titles_read(record: Tested, measure: Measure) -> str:
    """On how many titles a measure rests, where it cannot read the script of all that were asked; else nothing."""
    if measure.group == "forgetting" or measure.n == record.n:
        return ""
    return f"on {measure.n:,} of {record.n:,} titles"


def left_out(one: NotMeasured) -> str:
    """Why a measure is left out: what the texts lack that it relies on, and how many titles it reads all the same."""
    lacking = [ALL_NEEDS[name].lacking if name in ALL_NEEDS else f"without {name}" for name in one.lacking]
    why = f"means nothing on texts {' or '.join(lacking)}" if lacking else "cannot read the texts"
    return f"{one.label}: not measured; it {why}, and reads {one.read:,} of {one.n:,} titles"


def coverage(settings: Evaluation) -> str:
    """0.95 -> "95%"; 0.999 -> "99.9%"."""
    return f"{100 * settings.confidence:.10g}%"


def plan(settings: Evaluation, primary: Entry, least: float) -> str:
    """What is fixed before anything is looked at, in one line.

    `least`: the smallest mean difference that so many titles show in 80 % of all experiments, in standard deviations of the
    paired differences; how large these are nobody knows yet.
    """
    better = "" if primary.better == "neither" else f", {primary.better} is better"
    return (
        f"fixed in the recipe: primary measure {primary.label} ({primary.unit}{better}), {settings.titles:,} titles of the "
        f"test split by seed {settings.seed}, {coverage(settings)} confidence; in 80% of all experiments they show a mean "
        f"difference of {number(least)} standard deviations of the paired differences"
    )


def encoders(settings: Evaluation) -> list[Pin]:
    """The text encoders that a report's measures read, each once."""
    named = dict.fromkeys(model for model in (settings.retriever, settings.bertscore) if model not in (BM25, None))
    pairs = [split_revision(model) for model in named]
    return [Pin(type="model", repo=repo, revision=revision) for repo, revision in pairs]


def differences_vary(measure: Measure) -> bool:
    """Whether the titles differ by more or less, rather than all of them by the same."""
    return measure.std > ROUNDING * abs(measure.difference)


def power(record: Tested) -> str:
    """The smallest difference in the primary measure that this many titles can see."""
    measure = record.primary()
    if not differences_vary(measure):
        return f"{measure.label} differs by the same on all {measure.n:,} titles: how small a difference they show is unknown."
    return (
        f"{measure.n:,} titles show a difference in {measure.label} of {number(measure.minimum_detectable_effect)} {measure.unit} or more in "
        f"80% of all experiments (paired differences spread by {number(measure.std)})."
    )


def power_alone(record: Tested, measure: Measure) -> str:
    """The same of any measure, before its p-value is corrected; nothing where its differences have no spread."""
    if not differences_vary(measure):
        return ""
    alone = "" if measure.name == record.evaluation.primary else ", were it tested alone"
    what = "questions" if measure.group == "forgetting" else "titles"
    return f"{measure.n} {what} show a difference of {number(measure.minimum_detectable_effect)} or more in 80% of all experiments{alone}."


def answer(record: Tested) -> str:
    """The answer to "did fine-tuning help?", or "which adapter is better?", in one sentence from the primary measure alone."""
    measure = record.primary()
    width = f"{coverage(record.evaluation)} interval"
    alone = isinstance(record, EvaluationRecord)
    between = "" if alone else " between the adapters A and B"
    on = f"on {measure.n:,} {'held-out titles' if alone else 'titles that both were asked'}"
    if measure.verdict() == "no measured difference":
        return (
            f"No measured difference in {measure.label}{between}: {number(measure.difference, signed=True)} {measure.unit} "
            f"({width} {interval(measure)}) {on}."
        )
    up = measure.difference > 0
    low, high = sorted((abs(measure.low), abs(measure.high)))
    by = f"by {number(abs(measure.difference))} {measure.unit} ({width} {number(low)} to {number(high)}) {on}"
    if alone:
        worse = ", which is worse" if measure.verdict() == "worse" else ""
        return f"Fine-tuning {'raised' if up else 'lowered'} {measure.label} {by}{worse}."
    means = {"better": ": B is better", "worse": ": A is better"}.get(measure.verdict(), "")
    return f"Adapter B has a {'higher' if up else 'lower'} {measure.label} than adapter A {by}{means}."


def verdict(record: Tested, measure: Measure) -> str:
    """The measure's verdict; between two adapters it names the better one."""
    said = measure.verdict()
    if isinstance(record, EvaluationRecord) or said == "no measured difference":
        return said
    return {"better": "B better", "worse": "A better"}.get(said, f"B {said}")


def sides(record: Tested) -> tuple[str, str]:
    """What lies to the left and to the right of no difference."""
    return ("worse", "better") if isinstance(record, EvaluationRecord) else ("A better", "B better")
