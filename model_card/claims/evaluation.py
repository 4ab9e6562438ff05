"""Did fine-tuning help: the box at the top, the tables, the samples, and what nobody measured."""

from types import SimpleNamespace
from typing import Any

from evaluation.measures.scripts import ALL_NEEDS
from model_card.claims.saying import Claim
from titlecraft.models.base.quantisation import in_words
from titlecraft.records import Measure, is_ruinous

PRIMARY = "report.measures[primary]"
DIRECTION = {"lower": "lower is better", "higher": "higher is better", "neither": "neither direction is better"}
VERDICTS = {
    "better": "By this measure, yes.",
    "worse": "By this measure, no: it got worse.",
    "higher": "Higher, which is neither better nor worse.",
    "lower": "Lower, which is neither better nor worse.",
    "no measured difference": "No measured difference.",
}
PLAIN = {
    "nll_per_token": "how surprised the model is by the catalogue's own description of a title. It is measured on the "
    "catalogue's text, not on the model's answer.",
}
MEASURE = {
    name: f"*.{name}"
    for name in ("label", "unit", "better", "n", "before", "after", "difference", "low", "high", "p_value", "p_holm", "level")
}  # fmt: skip
ROW = "| {label}{on} | {before:short} | {after:short} | {difference:signed} | {low:signed} to {high:signed}{verdict} | {unit} | {better} |"


def verdict_of(values: dict[str, Any]) -> str:
    """What `Measure.verdict` says of these values; there is one rule, and it is there."""
    names = ("low", "high", "p_holm", "level", "difference", "better")
    measure: Any = SimpleNamespace(**{name: values[name] for name in names})
    return Measure.verdict(measure)


def boxed(values: dict[str, Any]) -> dict[str, Any]:
    """The words of the result box."""
    return {
        "direction": DIRECTION[values["better"]],
        "coverage": percent_of(values["confidence"]),
        "verdict": VERDICTS[verdict_of(values)],
    }


def ruined(values: dict[str, Any]) -> dict[str, Any] | None:
    """Nothing, unless the model finds the catalogue's texts ten times as surprising as before."""
    return {} if is_ruinous(values["before"], values["after"]) else None


def explained(values: dict[str, Any]) -> dict[str, Any]:
    """The primary measure in plain words where there are some, else as it is defined."""
    return {"what": PLAIN.get(values["name"], values["definition"])}


def in_table(values: dict[str, Any]) -> dict[str, Any]:
    """The verdict behind an interval, where it is that nothing may be said; the titles, where they are not all that were asked."""
    verdict = verdict_of(values)
    on = "" if values["n"] == values["asked"] else f" (on {values['n']:,} of {values['asked']:,} titles)"
    return {"verdict": f": {verdict}" if verdict == "no measured difference" else "", "on": on}


def unread(values: dict[str, Any]) -> dict[str, Any]:
    """What texts lack that a measure relies on, in words."""
    lacking = [ALL_NEEDS[name].lacking if name in ALL_NEEDS else f"without {name}" for name in values["lacking"]]
    return {"why": f"means nothing on texts {' or '.join(lacking)}" if lacking else "cannot read the texts"}


def percent_of(share: float) -> str:
    """0.95 -> "95 %"; 0.999 -> "99.9 %"."""
    return f"{100 * share:.10g} %"


def covered(values: dict[str, Any]) -> dict[str, Any]:
    """The coverage of the intervals in words."""
    return {"coverage": percent_of(values["confidence"])}


def table(id: str, path: str, asked: str = "report.n") -> tuple[Claim, ...]:
    """The rows of one list of measures, and their definitions; `asked` is the path of how many titles there were."""
    return (
        Claim(f"evaluation.{id}", "evaluation", ROW, MEASURE | {"asked": asked}, each=path, derive=in_table),
        Claim(
            f"evaluation.{id}-definition", "evaluation", "- **{label}** ({unit}): {definition} Source: {source}.",
            {"label": "*.label", "unit": "*.unit", "definition": "*.definition", "source": "*.source"}, each=path,
        ),
    )  # fmt: skip


RESULT = (
    Claim(
        "result.primary", "result",
        "> **Did fine-tuning help? {verdict}** {label} on {n:,} held-out titles: **{before:short} before, {after:short} after** "
        "({unit}; {direction}). The difference is {difference:signed}, its {coverage} interval {low:signed} to {high:signed}, "
        "{p_value:p}.",
        {**{name: path.replace("*", PRIMARY) for name, path in MEASURE.items()}, "confidence": "report.evaluation.confidence"},
        otherwise="> **Did fine-tuning help?** Not evaluated.", derive=boxed,
    ),
    Claim(
        "result.tenfold", "result",
        "> **The adapter makes the model worse by an order of magnitude:** {label} is {after:short} with it and {before:short} without, in {unit}.",
        {name: f"report.measures[nll_per_token].{name}" for name in ("label", "before", "after", "unit")}, derive=ruined,
    ),
    Claim("result.definition", "result", "> {label}: {what}",
          {"name": f"{PRIMARY}.name", "label": f"{PRIMARY}.label", "definition": f"{PRIMARY}.definition"}, derive=explained),
    Claim(
        "result.wins", "result", "> Of these titles, {wins:,} got better, {losses:,} got worse and {ties:,} stayed the same.",
        {"wins": f"{PRIMARY}.wins", "ties": f"{PRIMARY}.ties", "losses": f"{PRIMARY}.losses"},
    ),
    Claim(
        "result.report", "result",
        "> Report: [{id}](evaluation/{id}/report.html), about the adapter at commit `{revision}`.",
        {"id": "report.id", "revision": "report.adapter.revision"},
    ),
)  # fmt: skip

TABLES = (
    Claim(
        "evaluation.how", "evaluation",
        "{n:,} titles of the `{split}` split, drawn at random with seed {seed}. One process loaded the base once and answered "
        "every title twice: with the adapter switched off (before) and on (after). The prompts were the same. Each answer is the "
        "likeliest one, word by word (greedy decoding), of at most {tokens} new tokens.",
        {"n": "report.n", "split": "report.split", "seed": "report.evaluation.seed", "tokens": "report.generation.max_new_tokens"},
        otherwise="Not evaluated.",
    ),
    Claim(
        "evaluation.machine", "evaluation", "Weights of the base: {weights}, computed in {precision} on {device}.",
        {"weights": "report.quantization", "precision": "report.precision", "device": "report.device"},
        derive=lambda values: {"weights": in_words(values["weights"])},
    ),
    Claim(
        "evaluation.header", "evaluation", "| measure | before | after | difference | {coverage} interval | unit | better |",
        {"confidence": "report.evaluation.confidence"}, derive=covered,
    ),
    *table("measure", "report.measures"), *table("sampled", "report.sampled"), *table("benchmark", "report.also", "*.n"),
    Claim(
        "evaluation.verdicts", "evaluation",
        "\"No measured difference\" stands where the interval holds 0, or where the p-value, corrected for the number of measures "
        "(Holm; the primary measure stands alone), is above {level:short}.",
        {"level": f"{PRIMARY}.level"},
    ),
    Claim("evaluation.intervals", "evaluation", "Intervals: {method}.", {"method": "report.interval_method"}),
    Claim(
        "evaluation.detectable", "evaluation",
        "{n:,} titles show a difference in {label} of {detectable:short} {unit} or more in 80 % of all experiments.",
        {"n": f"{PRIMARY}.n", "label": f"{PRIMARY}.label", "detectable": f"{PRIMARY}.detectable", "unit": f"{PRIMARY}.unit"},
    ),
    Claim(
        "evaluation.references-cut", "evaluation", "{cut:,} of the {n:,} reference texts were too long and lost their end.",
        {"cut": "report.references_cut", "n": "report.n"}, derive=lambda values: {} if values["cut"] else None,
    ),
    Claim("evaluation.guard", "evaluation", "| {key} | {expected:cell} | {found:cell} |",
          {"expected": "*.expected", "found": "*.found"}, each="report.guards"),
)  # fmt: skip

SAMPLES = (
    Claim(
        "samples.rule", "samples",
        "{random} titles drawn with seed {seed}, then the {worst} on which {label} got worse by most (or gained least). A rule chose "
        "them, nobody else. Before and after as the model wrote them, the catalogue's text below; long ones are cut, and say so.",
        {"random": "samples.random_count", "worst": "samples.worst_count", "seed": "report.evaluation.seed", "label": f"{PRIMARY}.label"},
    ),
    *(Claim(
        f"samples.{view}", "samples",
        "<table>\n<tr><th colspan=\"2\">{title}</th></tr>\n<tr><th>before</th><th>after</th></tr>\n"
        "<tr><td>{before}</td><td>{after}</td></tr>\n<tr><td colspan=\"2\"><i>Catalogue:</i> {reference}</td></tr>\n"
        "<tr><td colspan=\"2\"><i>{label}:</i> {value_before:short} before, {value_after:short} after ({unit})</td></tr>\n</table>",
        {**{name: f"*.{name}" for name in ("title", "before", "after", "reference", "value_before", "value_after")},
         "unit": f"{PRIMARY}.unit", "label": f"{PRIMARY}.label"},
        each=f"samples.{view}",
    ) for view in ("random", "worst")),
)  # fmt: skip

UNMEASURED = (
    Claim("not-measured.quality", "not-measured", "", {"report": "report.id"}, otherwise="- Whether fine-tuning helped: not evaluated."),
    Claim(
        "not-measured.forgetting", "not-measured", "- What the base forgot: no standard benchmark was run before and after.",
        {"also": "report.also"}, derive=lambda values: None if values["also"] else {},
    ),
    Claim(
        "not-measured.sampled", "not-measured",
        "- Sampled answers, as the quick start makes them: only greedy ones were evaluated.",
        {"sampled": "report.evaluation.sampled"}, derive=lambda values: None if values["sampled"] else {},
    ),
    Claim(
        "not-measured.script", "not-measured", "- {label}: it {why}, and reads {read:,} of the {n:,} titles.",
        {name: f"*.{name}" for name in ("label", "read", "n", "lacking")}, each="report.not_measured", derive=unread,
    ),
    Claim("not-measured.energy", "not-measured", "", {"kwh": "training.measured.energy_kwh"}, otherwise="- Energy of the training: not measured."),
)  # fmt: skip

EVALUATION = (*RESULT, *TABLES, *SAMPLES, *UNMEASURED)
