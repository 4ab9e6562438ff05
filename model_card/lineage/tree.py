"""The graph of a lineage as a tree on the console, and as a picture: renderings of the record, and of nothing else."""

from pathlib import Path

from rich.markup import escape
from rich.tree import Tree

from model_card.lineage.graph import Found, Lineage
from titlecraft.cards.lineage_picture import draw_adapter, draw_dataset
from titlecraft.records import Pin, Source
from titlecraft.records.lineage import Result, best_first, in_words

COLOURS = {"better": "green", "worse": "red"}


def tree(found: Lineage) -> Tree:
    """Source, dataset, and below it each adapter with its base, its reports and what was exported."""
    root = Tree(f"[bold]{escape(source_line(found.source))}[/bold]" if found.source else "[dim]source unknown[/dim]")
    revisions = dict.fromkeys(
        [
            found.dataset,
            *(one.trained.dataset for one in reversed(found.adapters) if one.trained.dataset != found.dataset),
        ]
    )
    for dataset in revisions:
        branch = root.add(f"[blue]dataset[/blue] {named(dataset)}{missing(dataset, found)}")
        adapters = [one for one in found.adapters if one.trained.dataset == dataset]
        for one in adapters:
            add_adapter(branch, one, found)
        if not adapters:
            branch.add("[dim]no adapter of it is known[/dim]")
    for repo, why in found.unread.items():
        root.add(f"[yellow]unconfirmed[/yellow] {escape(repo)} names the dataset on its card: {escape(why)}")
    return root


def add_adapter(branch: Tree, one: Found, found: Lineage) -> None:
    """An adapter, and below it what belongs to it."""
    problem = f" [yellow]unconfirmed: {escape(one.problem)}[/yellow]" if one.problem else ""
    listed = "" if one.listed else " [dim](the dataset's card does not list it)[/dim]"
    adapter = branch.add(f"[dark_orange]adapter[/dark_orange] {named(one.trained.adapter)}{listed}{problem}")
    adapter.add(f"[magenta]base[/magenta] {named(one.trained.base)}{missing(one.trained.base, found)}")
    for report in best_first(one.trained.reports):
        adapter.add(report_line(one.trained.adapter, report))
    if not one.trained.reports:
        adapter.add("[dim]not evaluated[/dim]")
    for export in one.exported:
        adapter.add(f"[cyan]{escape(export.form)} model[/cyan] {named(export.model)}")


def report_line(adapter: Pin, report: Result) -> str:
    """A report with where it is, its primary measure and its verdict."""
    colour = COLOURS.get(report.verdict, "default")
    where = f"evaluation/{report.id} of {adapter.repo}@{report.revision[:12]}"
    return f"[green]report[/green] {where}: {escape(in_words(report))}, n = {report.n:,}: [{colour}]{report.verdict}[/{colour}]"


def source_line(source: Source) -> str:
    """The source by its name, lines and sha256."""
    return f"source {source} ({source.lines:,} lines, sha256 {source.files[0].sha256[:12]}{', …' if len(source.files) > 1 else ''})"


def named(pinned: Pin) -> str:
    """A state, for the console."""
    return escape(str(pinned))


def missing(pinned: Pin, found: Lineage) -> str:
    """A mark behind a state that the Hub does not show."""
    return " [yellow](not on this Hub, or not for this token)[/yellow]" if pinned in found.missing else ""


def draw_lineage(found: Lineage, path: Path) -> None:
    """The picture that the repo's card shows, as of now; unconfirmed adapters are left out."""
    if found.asked.type == "model":
        one = found.adapters[0].trained
        draw_adapter(one.dataset, one.base, one.adapter.repo, one.reports, path)
    else:
        confirmed = [one.trained for one in found.adapters if one.problem is None]
        draw_dataset(found.source, found.dataset.repo, confirmed, path)
