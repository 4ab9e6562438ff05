"""Successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943): all recipes train briefly, the better half goes on twice as far.

A run has the learning-rate schedule of its full length from the first step on, and goes on from its checkpoint. So a run that
survives to the end is the training of its recipe, step for step.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2

MOST_RUNGS = 4  # the first rung trains an eighth of a run; earlier losses say little, since warm-up is hardly over
FINALISTS = 2  # at least so many recipes are trained to the end, so that the best is compared with another one


@dataclass(frozen=True)
class Rung:
    """`runs` recipes are trained until `share` of their steps."""

    share: float
    runs: int

    def step(self, steps: int) -> int:
        """The last step of this rung in a run of `steps` steps."""
        return max(1, ceil(self.share * steps))


def plan_rungs(recipes: int) -> list[Rung]:
    """The rungs for this many recipes; the last one trains FINALISTS or more to the end."""
    count = min(MOST_RUNGS, max(1, ceil(log2(recipes / FINALISTS)) + 1))
    return [
        Rung(share=0.5 ** (count - 1 - position), runs=max(min(FINALISTS, recipes), ceil(recipes / 2**position)))
        for position in range(count)
    ]


def survivors(losses: Mapping[int, float], count: int) -> list[int]:
    """The numbers of the `count` recipes with the lowest losses, ascending; of equal losses the lower number."""
    return sorted(sorted(losses, key=lambda number: (losses[number], number))[:count])


def runs_of_sweep(rungs: Sequence[Rung]) -> float:
    """Cost of a sweep in whole runs; a run that goes on does not repeat a step."""
    shares = [0.0, *(rung.share for rung in rungs)]
    return sum(rung.runs * (rung.share - before) for rung, before in zip(rungs, shares, strict=False))


def rows_to_score(rung: Rung, rungs: list[Rung], run: int, available: int, fewest: int) -> int:
    """Validation rows of a rung: all, or so many that scoring takes at most a quarter of the rung's training.

    Args:
        run: cost of a whole run in forward passes of a row.
        available: rows that there are.
        fewest: rows that are taken in any case, if there are so many.
    """
    position = rungs.index(rung)
    share = rung.share - (rungs[position - 1].share if position else 0.0)
    return min(available, max(fewest, int(share * run / 4)))
