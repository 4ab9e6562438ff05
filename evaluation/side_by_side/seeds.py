"""titlecraft evaluate --compare A B C …: the spread of each measure between training seeds of one recipe.

The interval of a report covers the variation between titles, and not between training seeds. This comparison shows both.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Literal

import numpy as np

from evaluation.inputs import PACKAGES
from evaluation.measures import Entry, measures_of
from evaluation.side_by_side.comparison import TOKENS, Contender, Published, require_comparable
from evaluation.titles.draw import FEWEST
from titlecraft.errors import UserError
from titlecraft.records import Code, Pin, Record, TrainingRecord, column, current_code

JSON = "seeds.json"


class SeedSpread(Record, frozen=True, kw_only=True):
    """One measure under several seeds, on the `n` titles that have a value in every report.

    `means` has the mean over titles for each seed, and `seeds_std` is their standard deviation. `titles_std` is the standard
    deviation over titles of the mean over seeds; `titles_error` is the standard error titles_std / √n. All are in `unit`.
    """

    name: str
    label: str
    unit: str
    n: int
    means: list[float]
    seeds_std: float
    titles_std: float
    titles_error: float


class SeedsRecord(Record, frozen=True, kw_only=True):
    """seeds.json: adapters of one recipe that differ in training.seed only, in the order of `seeds`."""

    adapters: list[Contender]
    seeds: list[int]
    code: Code
    dataset: Pin
    base: Pin
    split: str
    primary: str
    n: int
    measures: list[SeedSpread]
    schema: Literal["titlecraft/seeds/1"] = "titlecraft/seeds/1"


def compare_seeds(reports: Sequence[Published], trainings: Sequence[TrainingRecord]) -> SeedsRecord:
    """The spread between seeds of each measure with one value per title; `trainings` are those of the reports' adapters.

    Raises UserError if the reports do not measure the same, or the adapters differ in more than the seed.
    """
    for report, training in zip(reports[1:], trainings[1:], strict=True):
        require_comparable(reports[0], report)
        require_same_recipe(reports[0], trainings[0], report, training)
    seeds = [training.training.seed for training in trainings]
    if len(set(seeds)) < len(seeds):
        raise UserError(
            f"evaluate --compare: the training seeds are {', '.join(map(str, seeds))}: expected different ones, since an adapter "
            "that counts twice would make the spread smaller than it is"
        )
    first = reports[0].record
    by_tokens = [{tuple(row[name] for name in TOKENS): row for row in report.rows} for report in reports]
    common = [key for key in by_tokens[0] if all(key in rows for rows in by_tokens)]
    if len(common) < (fewest := min(FEWEST, *(report.record.n for report in reports))):
        raise UserError(
            f"evaluate --compare: the {len(reports)} reports have {len(common)} titles in common: expected {fewest} or more; "
            "evaluate all adapters with the same recipe"
        )
    spreads = [
        spread
        for entry in measures_of(first.evaluation)
        if entry.corpus is None
        and (
            spread := spread_of(
                entry, [[rows[key].get(column(entry.name, "after")) for key in common] for rows in by_tokens]
            )
        )
    ]
    return SeedsRecord(
        adapters=[report.contender() for report in reports],
        seeds=seeds,
        code=current_code("evaluation", *PACKAGES),
        dataset=first.dataset,
        base=first.base,
        split=first.split,
        primary=first.evaluation.primary,
        n=len(common),
        measures=sorted(spreads, key=lambda spread: spread.name != first.evaluation.primary),
    )


def spread_of(entry: Entry, values: Sequence[Sequence[float | None]]) -> SeedSpread | None:
    """The spread of one measure from its values [seeds][titles]; None if fewer than two titles have a value in every report."""
    titles = [title for title in zip(*values, strict=True) if None not in title]
    if len(titles) < 2:
        return None
    table = np.array(titles, dtype=float).T
    if not np.isfinite(table).all():
        raise UserError(
            f"evaluate --compare: {entry.name} is not a finite number in one of the reports: evaluate again"
        )
    titles_std = float(table.mean(axis=0).std(ddof=1))
    return SeedSpread(
        name=entry.name,
        label=entry.label,
        unit=entry.unit,
        n=len(titles),
        means=[float(mean) for mean in table.mean(axis=1)],
        seeds_std=float(table.mean(axis=1).std(ddof=1)),
        titles_std=titles_std,
        titles_error=titles_std / sqrt(len(titles)),
    )


def require_same_recipe(a: Published, one: TrainingRecord, b: Published, other: TrainingRecord) -> None:
    """Raise UserError if two trainings differ in a setting other than the seed; the message names the first one."""
    for section in ("base_settings", "lora", "training"):
        mine, theirs = vars(getattr(one, section)), vars(getattr(other, section))
        for name, value in mine.items():
            if value != theirs[name] and (section, name) != ("training", "seed"):
                raise UserError(
                    f"evaluate --compare of several adapters measures the spread between training seeds: {section.removesuffix('_settings')}."
                    f"{name} is {value} in {a.pin.repo} and {theirs[name]} in {b.pin.repo}; compare these two alone"
                )


def print_seeds(record: SeedsRecord) -> None:
    """Print one line for each measure: the mean of each seed, the spread between seeds, and that between titles."""
    from rich.console import Console
    from rich.table import Table

    table = Table(
        "measure", "unit", *(f"seed {seed}" for seed in record.seeds), "std of seeds", "error of titles", "titles"
    )
    for spread in record.measures:
        numbers = [*spread.means, spread.seeds_std, spread.titles_error]
        table.add_row(spread.label, spread.unit, *(f"{number:.4g}" for number in numbers), f"{spread.n:,}")
    console = Console()
    console.print(table)
    console.print(
        f"std of seeds: standard deviation of the means of the {len(record.seeds)} seeds. error of titles: standard error of the mean "
        f"over {record.n:,} titles; a report's interval covers this part only."
    )
