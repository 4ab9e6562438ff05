"""titlecraft sweep … --dry-run: the number of recipes and steps, and estimates of time and memory. Loads no weights.

The estimates come from the plan of the recipe that needs the most memory.
"""

from dataclasses import replace
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from titlecraft.errors import UserError
from titlecraft.hub.pins import pin
from titlecraft.hub.publishing import work_folder
from titlecraft.records import Record
from training.data.validation_rows import SPLIT, count_rows
from training.lost_settings import idle
from training.planning.plan import plan
from training.planning.plan_table import duration, memory_cells, time_cell
from training.steps import count_steps
from training.sweep.combinations import SweepRequest, no_effect, no_rows
from training.sweep.halving import plan_rungs, runs_of_sweep
from training.sweep.impossible import find_impossible, in_lines
from training.sweep.record import Judged

SCORING = 1.25  # scoring takes at most a quarter of the forward passes of training


class CardTime(Record, frozen=True):
    """A sweep on one GPU model.

    `needs` and `memory` are in bytes, `needs` is that of the largest recipe; `seconds` is the estimated time of all runs.
    """

    name: str
    needs: int
    memory: int
    fits: bool
    seconds: float
    measured: bool


class SweepPlan(Record, frozen=True):
    """The plan of a sweep.

    `steps` are those of all runs, and `whole_runs` those without dropping recipes; `tokens` are those of all training steps.
    `rungs` has for each rung the share of a run and the number of recipes. `here` is the time in seconds on this machine, from the
    speed of this sweep's finished runs; null without any.
    """

    recipes: int
    largest: str
    rungs: list[tuple[float, int]]
    steps: int
    whole_runs: int
    tokens: int
    validation_rows: int
    cards: list[CardTime]
    here: float | None
    problems: list[str]


def estimate(asked: SweepRequest) -> SweepPlan:
    """The plan of a sweep. Raises UserError if dataset or base cannot be trained with."""
    combinations, settings = asked.combinations(), asked.recipe.base
    if settings.quantization == "auto":  # a plan is about GPUs
        settings = replace(settings, quantization="nf4")
    combinations = [replace(one, recipe=replace(one.recipe, base=settings)) for one in combinations]
    impossible = find_impossible(combinations, pin(f"{settings.repo}@{settings.revision}", "model"))
    possible = [one for one in combinations if one.number not in impossible]
    if not possible:
        raise UserError(f"titlecraft sweep: {in_lines(impossible)[0]}")
    largest = max(possible, key=lambda one: (one.recipe.training.batch_size, one.recipe.lora.r))
    whole = plan(asked.dataset, asked.repo, largest.recipe)
    rungs, items = plan_rungs(len(combinations)), whole.packed_rows or whole.examples
    counted = [count_steps(items, one.recipe.training) for one in combinations]
    runs = runs_of_sweep(rungs)
    tokens = round(runs * sum(steps.items_seen for steps in counted) / len(counted) * whole.tokens / items)
    available = count_rows(whole.dataset, whole.read_as.settings if whole.read_as else None)
    rows = min(available, largest.recipe.training.validation_rows)
    speed = measured_here(work_folder("sweep", asked.repo) / "results")
    faults = [*in_lines(impossible), no_rows(whole.dataset, largest.recipe, available)]
    for one, steps in zip(combinations, counted, strict=True):
        faults += [no_effect(asked.swept, one.recipe, None, items, steps.count), idle(one.recipe.training, steps.count)]
    return SweepPlan(
        recipes=len(combinations),
        largest=str(largest.number),
        rungs=[(rung.share, rung.runs) for rung in rungs],
        steps=round(runs * sum(steps.count for steps in counted) / len(counted)),
        whole_runs=sum(steps.count for steps in counted),
        tokens=tokens,
        validation_rows=rows,
        cards=[
            CardTime(
                name=card.name,
                needs=card.needs,
                memory=card.memory,
                fits=card.fits,
                seconds=round(SCORING * tokens / card.tokens_per_second, 1),
                measured=card.measured,
            )
            for card in whole.cards
        ],
        here=round(tokens / speed, 1) if speed else None,
        problems=[*dict.fromkeys(filter(None, [*whole.problems, *faults]))],
    )


def measured_here(results: Path) -> float | None:
    """Tokens per second of this sweep's finished runs, scoring included; None if there are none."""
    judged = []
    for file in results.glob("*.json"):
        try:
            judged.append(msgspec.json.decode(file.read_bytes(), type=Judged))
        except msgspec.MsgspecError:
            continue
    seconds = sum(one.seconds for one in judged)
    return sum(one.tokens for one in judged) / seconds if seconds else None


def show_estimate(plan: SweepPlan) -> int:
    """Print the plan of a sweep; returns 2 if a problem would stop it."""
    console = Console(highlight=False)
    console.print(
        f"{plan.recipes} recipes over one base, by successive halving, judged on {plan.validation_rows:,} rows of the {SPLIT} split at "
        f"most: {plan.steps:,} steps instead of {plan.whole_runs:,}, about {plan.tokens:,} tokens",
        soft_wrap=True,
    )
    for share, runs in plan.rungs:
        console.print(f"  {runs} until {100 * share:.4g} % of the run")
    table = Table("GPU", f"recipe {plan.largest} takes (GB)", "fits", "time of all runs")
    for card in plan.cards:
        table.add_row(card.name, *memory_cells(card), time_cell(card))
    console.print(table)
    console.print(
        f"this machine: {duration(plan.here)}, at the speed of the runs of this sweep that are on disk"
        if plan.here
        else "this machine: not measured yet; the sweep shows the remaining time from its first finished run on",
        soft_wrap=True,
    )
    for problem in plan.problems:
        console.print(f"[bold red]would stop the sweep:[/] {escape(problem)}", soft_wrap=True)
    return 2 if plan.problems else 0
