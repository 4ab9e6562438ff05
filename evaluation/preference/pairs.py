"""The pairs of texts to judge: both arms of a published report, or the tuned answers of two reports."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evaluation.side_by_side.comparison import Published
from evaluation.side_by_side.published import read_published
from evaluation.titles.draw import FEWEST
from titlecraft.errors import UserError
from titlecraft.records.evaluation import CLUSTER

SAME = ("uid", "title", "reference")  # rows with equal values are the same title


@dataclass(frozen=True)
class Pair:
    """Two texts for one title, [first arm, second arm]."""

    uid: str
    title: str
    texts: tuple[str, str]

    @property
    def identical(self) -> bool:
        """Whether a reader sees no difference."""
        return self.texts[0].strip() == self.texts[1].strip()


@dataclass(frozen=True)
class Pairs:
    """The titles with both texts, in the random order of the report's sample.

    Args:
        arms: names of the arms; a win rate is that of the second.
        clusters: the cluster of each title; None for independent titles.
    """

    arms: tuple[str, str]
    report: Published
    against: Published | None
    pairs: list[Pair]
    clusters: np.ndarray | None


def read_pairs_of(adapter: str, report: str | None, against: str | None, most: int | None) -> Pairs:
    """The pairs of a published report. Raises UserError if there is no such report, or the two have too few common titles.

    Args:
        adapter: NS/NAME[@REV], or with ":evaluation/ID".
        report: ID of one of its reports; None for the newest.
        against: another adapter, whose tuned answers take the place of those of the base; None for the base.
        most: the number of titles to judge, the first of the random sample; None for all.
    """
    if report and ":" in adapter:
        raise UserError(f"judge: --adapter {adapter} names a report already: leave out --report {report}")
    folder = report and f"evaluation/{report.removeprefix('evaluation/')}"
    tuned = read_published(f"{adapter}:{folder}" if folder else adapter)
    return pairs_of(tuned, None if against is None else read_published(against), most)


def pairs_of(tuned: Published, against: Published | None, most: int | None = None) -> Pairs:
    """The pairs of one report, or of two. Raises UserError if these have too few titles in common."""
    rows, pairs = tuned.rows, []
    if against is None:
        arms = ("before", "after")
        pairs = [Pair(row["uid"], row["title"], (row["before"], row["after"])) for row in rows]
    else:
        arms = (named(against, tuned), named(tuned, against))
        others = {tuple(row[name] for name in SAME): row for row in against.rows}
        rows = [row for row in rows if tuple(row[name] for name in SAME) in others]
        if len(rows) < (fewest := min(FEWEST, len(tuned.rows), len(against.rows))):
            raise UserError(
                f"{tuned} and {against} have {len(rows)} titles in common: expected {fewest} or more; evaluate both adapters on the "
                "same dataset with the same evaluation.seed"
            )
        for row in rows:
            other = others[tuple(row[name] for name in SAME)]
            pairs.append(Pair(row["uid"], row["title"], (other["after"], row["after"])))
    pairs, rows = pairs[:most], rows[:most]
    return Pairs(arms, tuned, against, pairs, clusters_of([row.get(CLUSTER) for row in rows]))


def named(side: Published, other: Published) -> str:
    """The adapter's name, with its report where both sides are reports of one adapter."""
    repo = side.record.adapter.repo
    return repo if repo != other.record.adapter.repo else f"{repo}:evaluation/{side.record.id}"


def clusters_of(column: Sequence[int | None]) -> np.ndarray | None:
    """The clusters of the titles; None if a title has none, or each has one of its own."""
    if None in column or len(set(column)) == len(column):
        return None
    return np.array(column)
