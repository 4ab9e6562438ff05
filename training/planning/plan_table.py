"""Show the plan of a training as tables in the terminal."""

from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from titlecraft.models.base.quantisation import in_words
from titlecraft.settings import Training
from training.planning.plan import Plan


def show_plan(plan: Plan, training: Training, console: Console | None = None) -> None:
    """Print the run, then each GPU's memory and time, then the licence's duties and the problems."""
    console = console or Console()
    console.print(f"[bold]{plan.dataset}[/] + [bold]{plan.base}[/] → [bold]{plan.repo}[/]")
    console.print(run_table(plan, training))
    console.print(card_table(plan))
    for measured, basis in dict.fromkeys((card.measured, card.basis) for card in plan.cards):
        names = ", ".join(card.name for card in plan.cards if (card.measured, card.basis) == (measured, basis))
        console.print(f"{names}: {'measured' if measured else 'estimated'} ({basis})", style="dim", highlight=False)
    if not all(card.measured for card in plan.cards):
        console.print(
            "Estimates (≈) come from datasheets and a share of them that was measured elsewhere; memory is estimated "
            "everywhere.",
            style="dim",
        )
    if not training.fit_memory and not all(card.fits for card in plan.cards):
        console.print("--training.fit_memory=true cuts the same steps so that they fit, where that can be.")
    if training.shard_base:
        console.print(
            "Memory is that of one GPU with the whole base; training.shard_base shares that out between the processes that "
            "torchrun starts."
        )
    console.print(f"Licence of the base: [bold]{escape(plan.licence.id)}[/]")
    if plan.read_as:
        console.print(f"Rows of the dataset: {escape(str(plan.read_as))}", soft_wrap=True)
    for duty in plan.obligations:
        console.print(f"  • {escape(duty)}")
    for note in plan.notes:
        console.print(f"[bold yellow]note:[/] {escape(note)}", soft_wrap=True)
    for problem in plan.problems:
        console.print(f"[bold red]would stop the run:[/] {escape(problem)}")
    if not plan.problems:
        console.print(f"The token may write to {plan.repo}.")


def run_table(plan: Plan, training: Training) -> Table:
    """One line for each count of the run."""
    table, about = Table(show_header=False, box=None, padding=(0, 2, 0, 0)), "" if plan.exact else "about "
    source = (
        "counted on the encoded split" if plan.exact else f"estimated from {plan.encoded_rows:,} rows drawn at random"
    )
    left_out = f"; {about}{plan.rows - plan.examples:,} too long and left out" if plan.examples < plan.rows else ""
    rows = [
        ("rows of the split", f"{plan.rows:,}", ""),
        ("examples", f"{about}{plan.examples:,}", f"{about}{plan.truncated:,} cut at the end{left_out}"),
        ("tokens", f"{about}{plan.tokens:,}", f"{about}{plan.completion_tokens:,} of answers; {source}"),
    ]
    if plan.packed_rows is not None:
        rows.append(
            ("packed rows", f"{about}{plan.packed_rows:,}", f"{plan.efficiency:.1%} of their tokens are no padding")
        )
    else:
        rows.append(
            ("padding", f"{1 - plan.efficiency:.1%}", f"of the tokens of random batches of {training.batch_size}")
        )
    return filled(
        table,
        [
            *rows,
            (
                "optimizer steps",
                f"{plan.steps:,}",
                f"{training.batch_size} × {training.accumulation} for each, on one device",
            ),
            ("examples seen", f"{about}{plan.examples_seen:,}", f"{plan.share_seen:.2%} of the split"),
            ("tokens seen", f"{about}{plan.tokens_seen:,}", ""),
            validation_row(plan),
            (
                "trained parameters",
                f"{plan.trainable_parameters:,}",
                f"of a base of {plan.base_parameters:,}; on {escape(', '.join(plan.targets or []))}",
            ),
            ("weights of the base", in_words(plan.quantization), ""),
            *([("prompt format", plan.prompt.prompt.format, escape(plan.prompt.reason))] if plan.prompt else []),
        ],
    )


def validation_row(plan: Plan) -> tuple[str, str, str]:
    """How often and on how many rows the run validates, and what that costs."""
    validation = plan.validation
    if validation is None:
        return "validation", "none", "the last step is published"
    every = "every step" if validation.every == 1 else f"every {validation.every:,} steps"
    return (
        "validation",
        f"{validation.times:,} ×",
        f"{validation.rows:,} rows, before the first step and after {every}: ≈ {100 * validation.cost:.2g} % of the computation",
    )


def memory_cells(card: Any) -> tuple[str, str]:
    """The gigabytes that a run takes of a GPU's memory, and whether it fits; a plan's or a sweep's line of a GPU."""
    return f"{card.needs / 1e9:.1f} of {card.memory / 1e9:.0f}", "yes" if card.fits else "[red]no[/]"


def time_cell(card: Any) -> str:
    """How long the run takes on a GPU; a rate that was not measured is marked."""
    about = "" if card.measured else "≈ "
    return f"{about}{duration(card.seconds)}" if card.fits else "–"


def card_table(plan: Plan) -> Table:
    """One line for each GPU: memory, whether the run fits, batch, checkpointing, rate and time."""
    table = Table("GPU", "takes (GB)", "fits", "batch", "checkpointing", "tokens/s", "time")
    for card in plan.cards:
        about = "" if card.measured else "≈ "
        table.add_row(
            card.name,
            *memory_cells(card),
            f"{card.batch_size} × {card.accumulation}",
            "yes" if card.gradient_checkpointing else "no",
            f"{about}{card.tokens_per_second:,.0f}",
            time_cell(card),
        )
    return table


def filled(table: Table, rows: list[tuple[Any, ...]]) -> Table:
    """The table with these rows; the second column is right-aligned."""
    for column in range(3):
        table.add_column(justify="right" if column == 1 else "left")
    for row in rows:
        table.add_row(*row)
    return table


def duration(seconds: float) -> str:
    """Seconds in a readable unit: s, min, h or days."""
    for size, unit in ((2 * 86_400, "days"), (2 * 3600, "h"), (120, "min")):
        if seconds >= size:
            return f"{seconds / {'days': 86_400, 'h': 3600, 'min': 60}[unit]:.1f} {unit}"
    return f"{seconds:.0f} s"
