"""Successive halving (Jamieson & Talwalkar 2016, arXiv:1502.07943): after each rung the better half of the recipes trains twice as far.

Each run has the learning-rate schedule of its full length from the first step on, and resumes from its checkpoint. A recipe that
reaches the last rung is therefore trained exactly as `titlecraft train` trains it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, log2

MOST_RUNGS = 4  # the first rung trains an eighth of a run; earlier losses are dominated by warm-up
FINALISTS = 2  # recipes that are trained to the end at least, so that the best has a rival


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
    """Cost of a sweep in full runs. A resumed run repeats no step."""
    shares = [0.0, *(rung.share for rung in rungs)]
    return sum(rung.runs * (rung.share - before) for rung, before in zip(rungs, shares, strict=False))


def rows_to_score(rung: Rung, rungs: list[Rung], run: int, available: int, fewest: int) -> int:
    """Number of validation rows that a rung scores; scoring costs at most a quarter of the rung's training.

    Args:
        run: cost of a full run, in forward passes of one row.
        available: number of rows in the validation sample.
        fewest: minimum, unless fewer are available.
    """
    position = rungs.index(rung)
    share = rung.share - (rungs[position - 1].share if position else 0.0)
    return min(available, max(fewest, int(share * run / 4)))
