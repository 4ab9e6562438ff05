"""Writes report.html and prints the console table; both are renderings of report.json and predictions.parquet alone."""

from collections.abc import Collection
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from evaluation.report import repetition, wording
from evaluation.report.numbers import number
from evaluation.report.pages import draw_plots, render_page
from evaluation.report.predictions import read_predictions
from titlecraft.records import PREDICTIONS, REPORT, EvaluationRecord, Tested
from titlecraft.records.evaluation import MEANT_TO_IMPROVE
from titlecraft.records.repo_files import REPORT_PAGE

# verdicts and headings in a table of a terminal
SHORT = {"no measured difference": "–", "not significant": "n.s.", MEANT_TO_IMPROVE: "Aims of the tuning"}


def write_report(record: EvaluationRecord, folder: Path) -> None:
    """Write report.json, the plots and report.html into the folder that holds predictions.parquet."""
    (folder / REPORT).write_bytes(record.to_json())
    rows = read_predictions(folder / PREDICTIONS)
    plots = draw_plots(record, rows)
    for name, themes in plots.items():
        (folder / f"{name}.png").write_bytes(themes["light"])
    (folder / REPORT_PAGE).write_text(render_page("report.html.jinja", record, rows, plots), encoding="utf-8")


def print_table(record: Tested, only: Collection[str] | None = None) -> None:
    """Print both arms, difference and interval of every measure, or of those named, and the answer in one sentence."""
    colours = {"better": "green", "worse": "red"}
    title = f"{record.n:,} held-out titles, {' and '.join(record.arms)}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("measure", no_wrap=True)
    for column in (*record.arms, "difference", f"{wording.coverage(record.evaluation)} interval"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for heading, measures in record.report_blocks():
        shown = [measure for measure in measures if only is None or measure.name in only]
        if only is None:
            table.add_section()
            table.add_row(f"[dim]{SHORT.get(heading, heading)}[/dim]")
        for measure in shown:
            verdict, verdict_text = measure.verdict(), wording.verdict(record, measure)
            table.add_row(
                measure.label + (f" (n={measure.n:,})" if wording.titles_read(record, measure) else ""),
                number(measure.before),
                number(measure.after),
                number(measure.difference, signed=True),
                wording.interval(measure),
                SHORT.get(verdict_text.partition(" after")[0], verdict_text),
                style=colours.get(verdict, ""),
            )
    console = Console()
    console.print(table)
    if only is not None:
        console.print(wording.answer(record), highlight=False)
        return
    console.print("– no measured difference: the interval holds 0", highlight=False)
    if any(wording.verdict(record, measure).startswith("not significant") for measure in record.measures):
        console.print("n.s.: it does not, and the p-value is above the level (Holm)", highlight=False)
    for measure in record.left_out():
        console.print(f"{wording.left_out(measure)}.", highlight=False)
    texts = [
        *wording.third_party(record),
        wording.clustered(record),
        *repetition.answers_together(record),
        wording.power(record),
        wording.answer(record),
    ]
    texts.append(wording.ONE_RUN if isinstance(record, EvaluationRecord) else wording.ONE_RUN_EACH)
    for text in filter(None, texts):
        console.print(text, highlight=False)
