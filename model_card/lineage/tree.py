"""Render a lineage graph as a tree on the console and as a picture."""

from pathlib import Path

from rich.markup import escape
from rich.tree import Tree

from model_card.lineage.graph import GraphAdapter, Lineage
from titlecraft.cards.lineage_picture import draw_adapter, draw_dataset
from titlecraft.records import Pin, Source
from titlecraft.records.lineage import Result, best_first, in_words

COLOURS = {"better": "green", "worse": "red"}


def tree(lineage: Lineage) -> Tree:
    """The tree: source, dataset revisions, and below each its adapters with base, reports and exported models."""
    root = Tree(
        f"[bold]{escape(source_line(lineage.source))}[/bold]" if lineage.source else "[dim]source unknown[/dim]"
    )
    trained_on = [adapter.trained.dataset for adapter in reversed(lineage.adapters)]
    for dataset in dict.fromkeys([lineage.dataset, *trained_on]):
        branch = root.add(f"[blue]dataset[/blue] {escape(str(dataset))}{missing_note(dataset, lineage)}")
        adapters = [adapter for adapter in lineage.adapters if adapter.trained.dataset == dataset]
        for adapter in adapters:
            add_adapter(branch, adapter, lineage)
        if not adapters:
            branch.add("[dim]no known adapters[/dim]")
    for repo, why in lineage.unread.items():
        root.add(f"[yellow]unconfirmed[/yellow] {escape(repo)} names the dataset on its card: {escape(why)}")
    return root


def add_adapter(branch: Tree, adapter: GraphAdapter, lineage: Lineage) -> None:
    """Add an adapter to a branch, and below it its base, reports and exported models."""
    trained = adapter.trained
    problem = f" [yellow]unconfirmed: {escape(adapter.problem)}[/yellow]" if adapter.problem else ""
    listed = "" if adapter.listed else " [dim](the dataset's card does not list it)[/dim]"
    node = branch.add(f"[dark_orange]adapter[/dark_orange] {escape(str(trained.adapter))}{listed}{problem}")
    node.add(f"[magenta]base[/magenta] {escape(str(trained.base))}{missing_note(trained.base, lineage)}")
    for report in best_first(trained.reports):
        node.add(report_line(trained.adapter, report))
    if not trained.reports:
        node.add("[dim]not evaluated[/dim]")
    for export in adapter.exported:
        node.add(f"[cyan]{escape(export.form)} model[/cyan] {escape(str(export.model))}")


def report_line(adapter: Pin, report: Result) -> str:
    """A line with a report's path, its primary measure and its verdict."""
    colour = COLOURS.get(report.verdict, "default")
    where = f"evaluation/{report.id} of {adapter.repo}@{report.revision[:12]}"
    return f"[green]report[/green] {where}: {escape(in_words(report))}, n = {report.n:,}: [{colour}]{report.verdict}[/{colour}]"


def source_line(source: Source) -> str:
    """A line with the source's name, line count and sha256."""
    return f"source {source} ({source.lines:,} lines, sha256 {source.files[0].sha256[:12]}{', …' if len(source.files) > 1 else ''})"


def missing_note(pinned: Pin, lineage: Lineage) -> str:
    """A note for a revision that the Hub does not show, else nothing."""
    return " [yellow](not on this Hub, or not visible to this token)[/yellow]" if pinned in lineage.missing else ""


def draw_lineage(lineage: Lineage, path: Path) -> None:
    """Draw the picture of the repo's card from the present graph, without unconfirmed adapters."""
    if lineage.asked.type == "model":
        trained = lineage.adapters[0].trained
        draw_adapter(trained.dataset, trained.base, trained.adapter.repo, trained.reports, path)
    else:
        confirmed = [adapter.trained for adapter in lineage.adapters if adapter.problem is None]
        draw_dataset(lineage.source, lineage.dataset.repo, confirmed, path)
