"""Claims of the card's sections result, evaluation, samples and not measured."""

from types import SimpleNamespace
from typing import Any

from evaluation.measures.scripts import ALL_NEEDS
from evaluation.report.numbers import number, rounded_up
from evaluation.titles.draw import FEWEST
from model_card.claims.all_answers import ALL_ANSWERS
from model_card.claims.claim import FORMATS, Claim
from titlecraft.models.base.quantisation import in_words
from titlecraft.records import Measure, is_ruinous

PRIMARY = "report.measures[primary]"
DIRECTION = {"lower": "lower is better", "higher": "higher is better", "neither": "neither direction is better"}
TOO_FEW = f"none, fewer than {FEWEST} titles or clusters"
VERDICTS = {
    "too few titles": "Too few titles to say.",
    "better": "By this measure, yes.",
    "worse": "By this measure, no: it got worse.",
    "higher": "Higher, which is neither better nor worse.",
    "lower": "Lower, which is neither better nor worse.",
    "no measured difference": "No measured difference.",
}
PLAIN = {
    "nll_per_token": "the mean negative log-likelihood that the model gives the catalogue's own description of a title. It is "
    "measured on the catalogue's text, not on the model's answer.",
}
VALUES = ("n", "before", "after", "difference", "low", "high", "p_value", "p_holm", "level")
MEASURE = {name: f"*.{name}" for name in ("label", "unit", "better", *VALUES)}
ROW = "| {label}{on} | {before:value} | {after:value} | {difference:change} | {interval} | {verdict} | {unit} | {better} |"


def verdict_of(values: dict[str, Any]) -> str:
    """The verdict of these values, by the rule of `Measure.verdict`; "too few titles" without an interval."""
    if isinstance(values["low"], str):
        return "too few titles"
    names = ("low", "high", "p_holm", "level", "difference", "better")
    measure: Any = SimpleNamespace(**{name: values[name] for name in names})
    measure.excludes_zero = lambda: Measure.excludes_zero(measure)
    return Measure.verdict(measure)


def interval_of(values: dict[str, Any]) -> str:
    """The interval of these values."""
    if isinstance(values["low"], str):
        return TOO_FEW
    return f"{number(values['low'], signed=True)} to {number(values['high'], signed=True)}"


def p_of(values: dict[str, Any]) -> str:
    """The p-value; at the smallest value that the random sign flips can give, as an upper bound."""
    smallest = 2 / (values["resamples"] + 1)
    return f"p ≤ {rounded_up(smallest):g}" if values["p_value"] <= smallest else FORMATS["p"](values["p_value"])


def boxed(values: dict[str, Any]) -> dict[str, Any]:
    """Direction, coverage, interval, p-value and verdict in words, for the result box."""
    return {
        "direction": DIRECTION[values["better"]],
        "coverage": percent_of(values["confidence"]),
        "interval": interval_of(values),
        "p": p_of(values),
        "verdict": VERDICTS[verdict_of(values)],
    }


def ruined(values: dict[str, Any]) -> dict[str, Any] | None:
    """None unless the NLL of the catalogue's texts is an order of magnitude larger than before."""
    return {} if is_ruinous(values["before"], values["after"]) else None


def explained(values: dict[str, Any]) -> dict[str, Any]:
    """The explanation of the primary measure, or its definition if there is no explanation."""
    return {"what": PLAIN.get(values["name"], values["definition"])}


def in_table(values: dict[str, Any]) -> dict[str, Any]:
    """For a table row: interval, verdict, and the number of titles if it is not all of them."""
    verdict = verdict_of(values)
    if verdict == "no measured difference" and not values["low"] <= 0 <= values["high"]:
        verdict = "not significant after correction"
    on = "" if values["n"] == values["asked"] else f" (on {values['n']:,} of {values['asked']:,} titles)"
    return {"verdict": verdict, "on": on, "interval": interval_of(values)}


def unread(values: dict[str, Any]) -> dict[str, Any]:
    """Why a measure cannot read the texts, in words."""
    lacking = [ALL_NEEDS[name].lacking if name in ALL_NEEDS else f"without {name}" for name in values["lacking"]]
    return {"why": f"means nothing on texts {' or '.join(lacking)}" if lacking else "cannot read the texts"}


def percent_of(part: float) -> str:
    """0.95 -> "95%"; 0.999 -> "99.9%"."""
    return f"{100 * part:.10g}%"


def covered(values: dict[str, Any]) -> dict[str, Any]:
    """The coverage of the intervals, as a percentage."""
    return {"coverage": percent_of(values["confidence"])}


def table(id: str, path: str, asked: str = "report.n") -> tuple[Claim, ...]:
    """The rows of one list of measures, and their definitions; `asked` is the path of the number of titles."""
    return (
        Claim(f"evaluation.{id}", "evaluation", ROW, MEASURE | {"asked": asked}, each=path, derive=in_table),
        Claim(
            f"evaluation.{id}-definition",
            "evaluation",
            "- **{label}** ({unit}): {definition} Source: {source}.",
            {"label": "*.label", "unit": "*.unit", "definition": "*.definition", "source": "*.source"},
            each=path,
        ),
    )


RESULT = (
    Claim(
        "result.primary", "result",
        "> **Did fine-tuning help? {verdict}** {label} on {n:,} held-out titles: **{before:value} before, {after:value} after** "
        "({unit}; {direction}). Difference {difference:change}, {coverage} confidence interval {interval}, {p}.",
        {**{name: path.replace("*", PRIMARY) for name, path in MEASURE.items()}, "confidence": "report.evaluation.confidence",
         "resamples": "report.evaluation.resamples"},
        otherwise="> **Did fine-tuning help?** Not evaluated.", derive=boxed,
    ),
    Claim(
        "result.tenfold", "result",
        "> **The adapter makes the model worse by an order of magnitude:** {label} is {after:short} {unit} with the adapter and {before:short} without it.",
        {name: f"report.measures[nll_per_token].{name}" for name in ("label", "before", "after", "unit")}, derive=ruined,
    ),
    *ALL_ANSWERS,
    Claim("result.definition", "result", "> {label}: {what}",
          {"name": f"{PRIMARY}.name", "label": f"{PRIMARY}.label", "definition": f"{PRIMARY}.definition"}, derive=explained),
    Claim(
        "result.wins", "result", "> {wins:,} of these titles are better, {losses:,} are worse and {ties:,} are equal.",
        {"wins": f"{PRIMARY}.wins", "ties": f"{PRIMARY}.ties", "losses": f"{PRIMARY}.losses"},
    ),
    Claim(
        "result.report", "result",
        "> Report: [{id}](evaluation/{id}/report.html), for the adapter at commit `{revision}`.",
        {"id": "report.id", "revision": "report.adapter.revision"},
    ),
)  # fmt: skip

TABLES = (
    Claim(
        "evaluation.how", "evaluation",
        "{n:,} random titles of the `{split}` split (seed {seed}). One process loads the base model once and answers each title twice "
        "with the same prompt: with the adapter disabled (before) and enabled (after). Greedy decoding, at most {tokens} new tokens.",
        {"n": "report.n", "split": "report.split", "seed": "report.evaluation.seed", "tokens": "report.generation.max_new_tokens"},
        otherwise="Not evaluated.",
    ),
    Claim(
        "evaluation.machine", "evaluation", "Base model weights: {weights}; computed in {precision} on {device}.",
        {"weights": "report.quantization", "precision": "report.precision", "device": "report.device"},
        derive=lambda values: {"weights": in_words(values["weights"])},
    ),
    Claim(
        "evaluation.header", "evaluation", "| measure | before | after | difference | {coverage} confidence interval | verdict | unit | better |",
        {"confidence": "report.evaluation.confidence"}, derive=covered,
    ),
    *table("measure", "report.measures"), *table("sampled", "report.sampled"), *table("benchmark", "report.also", "*.n"),
    Claim(
        "evaluation.verdicts", "evaluation",
        "\"No measured difference\" means that the interval contains 0; \"not significant after correction\" that it does not, and the p-value, "
        "Holm-corrected over {measures} measures, is above {level:short}. The p-value of the primary measure is not corrected.",
        {"level": f"{PRIMARY}.level", "names": "report.measures"}, derive=lambda values: {"measures": len(values["names"]) - 1},
    ),
    Claim("evaluation.intervals", "evaluation", "Intervals: {method}.", {"method": "report.interval_method"}),
    Claim(
        "evaluation.detectable", "evaluation",
        "A true difference of {detectable:value} {unit} in {label} would be found in 4 of 5 such experiments with {n:,} titles.",
        {"n": f"{PRIMARY}.n", "label": f"{PRIMARY}.label", "detectable": f"{PRIMARY}.detectable", "unit": f"{PRIMARY}.unit"},
    ),
    Claim(
        "evaluation.clusters", "evaluation",
        "The {n:,} titles make {count:,} clusters of similar descriptions{columns}, the largest of {largest:,}. Intervals and p-values are those of "
        "the clusters: the variance of the mean difference in {label} is {effect:value} times that of independent titles (design effect), for "
        "which its interval would be {low:change} to {high:change}.",
        {"n": "report.n", "count": "report.clusters.count", "largest": "report.clusters.largest", "names": "report.clusters.columns",
         "label": f"{PRIMARY}.label", "effect": f"{PRIMARY}.design_effect", "low": f"{PRIMARY}.titles_low", "high": f"{PRIMARY}.titles_high"},
        derive=lambda values: {"columns": f" or equal {' and '.join(values['names'])}" if values["names"] else ""},
    ),
    Claim(
        "evaluation.references-cut", "evaluation", "{cut:,} of the {n:,} reference texts were truncated.",
        {"cut": "report.references_cut", "n": "report.n"}, derive=lambda values: {} if values["cut"] else None,
    ),
    Claim("evaluation.guard", "evaluation", "| {key} | {expected:cell} | {found:cell} |",
          {"expected": "*.expected", "found": "*.found"}, each="report.guards"),
)  # fmt: skip

SAMPLES = (
    Claim(
        "samples.rule", "samples",
        "{random} random titles (seed {seed}), then the {worst} titles with the worst change in {label}. No sample was chosen by hand. "
        "Each shows the model's answers before and after, and the catalogue's text below; long texts are truncated and marked.",
        {"random": "samples.random_count", "worst": "samples.worst_count", "seed": "report.evaluation.seed", "label": f"{PRIMARY}.label"},
    ),
    *(Claim(
        f"samples.{view}", "samples",
        "<table>\n<tr><th colspan=\"2\">{title}</th></tr>\n<tr><th>before</th><th>after</th></tr>\n"
        "<tr><td>{before}</td><td>{after}</td></tr>\n<tr><td colspan=\"2\"><i>Catalogue:</i> {reference}</td></tr>\n"
        "<tr><td colspan=\"2\"><i>{label}:</i> {value_before:value} before, {value_after:value} after ({unit})</td></tr>\n</table>",
        {**{name: f"*.{name}" for name in ("title", "before", "after", "reference", "value_before", "value_after")},
         "unit": f"{PRIMARY}.unit", "label": f"{PRIMARY}.label"},
        each=f"samples.{view}",
    ) for view in ("random", "worst")),
)  # fmt: skip

UNMEASURED = (
    Claim("not-measured.quality", "not-measured", "", {"report": "report.id"}, otherwise="- Whether fine-tuning helped: not evaluated."),
    Claim(
        "not-measured.forgetting", "not-measured", "- Catastrophic forgetting: no standard benchmark was run before and after.",
        {"also": "report.also"}, derive=lambda values: None if values["also"] else {},
    ),
    Claim(
        "not-measured.sampled", "not-measured",
        "- Sampled answers, as in the quick start: only greedy decoding was evaluated.",
        {"sampled": "report.evaluation.sampled"}, derive=lambda values: None if values["sampled"] else {},
    ),
    Claim(
        "not-measured.script", "not-measured", "- {label}: it {why}, and covers {read:,} of the {n:,} titles.",
        {name: f"*.{name}" for name in ("label", "read", "n", "lacking")}, each="report.not_measured", derive=unread,
    ),
    Claim("not-measured.energy", "not-measured", "", {"kwh": "training.measured.energy_kwh"}, otherwise="- Energy use of the training: not measured."),
)  # fmt: skip

EVALUATION = (*RESULT, *TABLES, *SAMPLES, *UNMEASURED)
