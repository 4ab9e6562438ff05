"""Console output of a sweep: the plan, a table that is updated after every run, and the comparison at the end."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.markup import escape
from rich.table import Table

from training.planning.plan_table import duration
from training.sweep.halving import plan_rungs, runs_of_sweep
from training.sweep.record import SweepRecord, nll
from training.sweep.train_rungs import TrainRungs


@contextmanager
def quiet(log: Path) -> Iterator[None]:
    """Redirect stdout and stderr of the runs to a log file."""
    with log.open("a", encoding="utf-8") as file, redirect_stdout(file), redirect_stderr(file):
        yield


def in_words(settings: dict[str, Any]) -> str:
    """Settings in one line: `training.learning_rate=0.0005 lora.r=16`."""
    return " ".join(f"{key}={value}" for key, value in settings.items())


def columns(settings: dict[str, Any]) -> list[str]:
    """Column headings of a table of recipes: the settings' names without their sections."""
    return [key.partition(".")[2] for key in settings]


def values(settings: dict[str, Any]) -> list[str]:
    """Cells of a recipe under `columns`."""
    return [
        escape(", ".join(map(str, value)) if isinstance(value, list) else str(value)) for value in settings.values()
    ]


class Screen:
    """Prints a live table to a terminal; elsewhere one line for each finished run."""

    def __init__(self) -> None:
        self.console = Console(file=sys.stdout, highlight=False)
        self.table: Live | None = None
        self.now = ""

    def live(self) -> Any:
        """Context manager that shows the table."""
        if not self.console.is_terminal:
            return nullcontext()
        self.table = Live(console=self.console, auto_refresh=False, redirect_stdout=False, redirect_stderr=False)
        return self.table

    def plan(self, rungs: TrainRungs) -> None:
        """Print for each rung the number of recipes, their steps and their validation rows."""
        whole = sum(rungs.steps.values())
        self.console.print(
            f"{len(rungs.combinations)} recipes over one base, by successive halving (Jamieson & Talwalkar 2016), judged by the "
            f"loss of rows of the validation split; {total_steps(rungs):,} steps instead of {whole:,}",
            soft_wrap=True,
        )
        for position, rung in enumerate(rungs.rungs):
            steps = sorted({rungs.step(number, position) for number in rungs.combinations})
            until = f"step {steps[0]:,}" if len(steps) == 1 else f"steps {steps[0]:,} to {steps[-1]:,}"
            self.console.print(
                f"  {rung.runs} until {until} ({100 * rung.share:.4g} % of the run), judged on {rung.rows:,} of {len(rungs.tokens):,} rows"
            )
        first = min(
            rungs.combinations.values(), key=lambda one: rungs.step(one.number, 0) - one.recipe.training.warmup_steps
        )
        step, warmup = rungs.step(first.number, 0), first.recipe.training.warmup_steps
        if step <= warmup and len(rungs.rungs) > 1:
            self.console.print(
                f"note: the first rung ends at step {step}, and training.warmup_steps is {warmup}: it judges recipes before their "
                "learning rate is reached; set fewer warm-up steps or more steps",
                soft_wrap=True,
            )

    def running(self, rungs: TrainRungs, number: int, step: int) -> None:
        """Show which run is training."""
        self.now = f"recipe {number} until step {step:,} of {rungs.steps[number]:,}"
        if self.table is None and not any(rungs.judged.values()):  # the base is loaded and checked first
            self.console.print(f"training {self.now}; a line follows for each recipe", soft_wrap=True)
        self.show(rungs, None)

    def finished(self, rungs: TrainRungs, number: int) -> None:
        """Show the validation loss of a recipe, or its failure."""
        if self.table is None:
            settings, failed = in_words(rungs.combinations[number].settings), rungs.fault(number)
            judged = rungs.judged[number]
            end = f"failed: {failed}" if failed else f"step {judged[-1].step:,}: {rungs.nll(number):.4f}"
            self.console.print(f"{number:>3}  {escape(settings)}  {escape(end)}  {remaining(rungs)}", soft_wrap=True)
        self.show(rungs, None)

    def show(self, rungs: TrainRungs, alive: list[int] | None) -> None:
        """Draw the table again."""
        if self.table is not None:
            shares = [f"{100 * rung.share:.4g} %" for rung in rungs.rungs]
            table = Table("recipe", *columns(rungs.combinations[1].settings), *shares)
            for number, one in rungs.combinations.items():
                losses = [f"{nll(judged.losses, rungs.tokens):.4f}" for judged in rungs.judged[number]]
                cells = [*losses, *(["[red]failed[/]"] if number in rungs.failed else [])]
                table.add_row(str(number), *values(one.settings), *cells)
            table.caption = f"{self.now}; {remaining(rungs)}" if remaining(rungs) else self.now
            self.table.update(table, refresh=True)

    def end(self, record: SweepRecord) -> None:
        """Print all recipes, best first, each with its difference from the best one."""
        of_best = record.run(record.best).settings
        table = Table("recipe", *columns(of_best), "steps", "validation NLL", "minus the best one's")
        differences = {one.number: one for one in record.differences}
        order = sorted(
            record.runs,
            key=lambda run: (-len(run.judged), nll(run.judged[-1].losses, record.tokens) if run.judged else 0),
        )
        for run in order:
            one = differences.get(run.number)
            beside = f"{one.difference:+.4f} ({one.low:+.4f} to {one.high:+.4f})" if one else ""
            loss = f"{nll(run.judged[-1].losses, record.tokens):.4f}" if run.judged else ""
            steps = f"{run.judged[-1].step if run.judged else 0:,} of {run.steps:,}"
            name = f"[bold]{run.number}[/]" if run.number == record.best else str(run.number)
            table.add_row(
                name,
                *values(run.settings),
                steps,
                loss,
                "failed" if run.failed else beside,
            )
        self.console.print(table)
        for run in record.runs:
            if run.failed:
                self.console.print(f"recipe {run.number} failed: {escape(run.failed)}", soft_wrap=True)
        self.console.print(
            f"in brackets: the {100 * record.confidence:.4g} % interval over the rows that both scored. All figures are of the validation "
            "split; the chosen recipe is still to be evaluated on the test split.",
            soft_wrap=True,
        )
        near = [one.number for one in record.differences if one.rung == len(record.rungs) - 1 and one.low <= 0]
        if near:
            self.console.print(
                f"not told apart from the best one on these rows: recipe {', '.join(map(str, near))} (the interval contains 0)",
                soft_wrap=True,
            )


def total_steps(rungs: TrainRungs) -> int:
    """Steps of all runs. If recipes differ in steps, an estimate from their mean."""
    return round(runs_of_sweep(plan_rungs(len(rungs.steps))) * sum(rungs.steps.values()) / len(rungs.steps))


def remaining(rungs: TrainRungs) -> str:
    """Estimated remaining time from the speed so far; empty before the first run ends."""
    judged = [one for runs in rungs.judged.values() for one in runs]
    steps = sum(runs[-1].step for runs in rungs.judged.values() if runs)
    seconds = sum(one.seconds for one in judged)
    left = total_steps(rungs) - steps
    return f"about {duration(left * seconds / steps)} left" if steps and left > 0 else ""
