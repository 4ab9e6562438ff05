"""report.html and the console table: pure renderings of report.json and predictions.parquet, and of nothing else."""

import random
from base64 import b64encode
from pathlib import Path
from typing import Any

from evaluation import wording
from evaluation.plots import PLOTS
from evaluation.predictions import PREDICTIONS, read_predictions
from titlecraft.hub import address
from titlecraft.records import REPORT, EvaluationRecord

HTML = "report.html"
RANDOM_EXAMPLES, WORST_EXAMPLES = 8, 4
REASONS = {
    "title_in_train": "their title stands in the training split",
    "output_in_train": "their description stands in the training split",
    "repeated_title": "the split holds their title more than once",
    "answer_in_prompt": "their description stands in their own prompt",
    "no_room_for_answer": "their prompt leaves no room for an answer",
}


def write_report(record: EvaluationRecord, folder: Path) -> None:
    """Write report.json, the plots and report.html into the folder that holds predictions.parquet."""
    (folder / REPORT).write_bytes(record.to_json())
    rows = read_predictions(folder / PREDICTIONS)
    plots = {name: {theme: draw(record, rows, theme) for theme in ("light", "dark")} for name, draw in PLOTS.items()}
    for name, themes in plots.items():
        (folder / f"{name}.png").write_bytes(themes["light"])
    (folder / HTML).write_text(render_html(record, rows, plots), encoding="utf-8")


def render_html(record: EvaluationRecord, rows: list[dict[str, Any]], plots: dict[str, dict[str, bytes]]) -> str:
    """One self-contained page: no script, no request to anywhere."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("evaluation"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["data_uri"] = lambda png: "data:image/png;base64," + b64encode(png).decode()
    environment.filters["number"] = wording.number
    return environment.get_template("report.html.jinja").render(
        record=record, wording=wording, plots=plots, address=address, reasons=REASONS,
        groups=choose_examples(record, rows),
    )  # fmt: skip


def choose_examples(record: EvaluationRecord, rows: list[dict[str, Any]]) -> list[tuple[str, str, list[Any]]]:
    """(heading, how they were chosen, rows): at random by the recipe's seed, and the worst. Never by hand."""
    primary = record.primary()
    towards = -1 if primary.better == "lower" else 1
    gain = lambda row: towards * (row[f"{primary.name}_after"] - row[f"{primary.name}_before"])  # noqa: E731
    drawn = random.Random(record.evaluation.seed).sample(rows, min(RANDOM_EXAMPLES, len(rows)))
    worst = sorted(rows, key=lambda row: (gain(row), row["uid"]))[:WORST_EXAMPLES]
    return [
        ("Titles at random", f"drawn with seed {record.evaluation.seed}", drawn),
        ("Where it helped least", f"the smallest gain in {primary.label}", worst),
    ]


def print_table(record: EvaluationRecord) -> None:
    """Print before, after, difference and interval of every measure, and the answer in one sentence."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    colours = {"better": "green", "worse": "red"}
    table = Table(
        title=f"{record.n:,} held-out titles, before and after", title_justify="left", box=SIMPLE_HEAD, pad_edge=False
    )
    table.add_column("measure", no_wrap=True)
    for column in ("before", "after", "difference", f"{record.evaluation.confidence:.0%} interval"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for heading, measures in record.blocks():
        table.add_section()
        table.add_row(f"[dim]{heading}[/dim]")
        for measure in measures:
            said = measure.verdict()
            table.add_row(
                measure.label, wording.number(measure.before), wording.number(measure.after),
                wording.number(measure.difference, signed=True), wording.interval(measure),
                "–" if said == "no measured difference" else said, style=colours.get(said, ""),
            )  # fmt: skip
    console = Console()
    console.print(table)
    console.print(
        "– no measured difference: the interval holds 0, or the p-value is above the level (Holm)", highlight=False
    )
    console.print(wording.power(record), highlight=False)
    console.print(wording.answer(record), highlight=False)
