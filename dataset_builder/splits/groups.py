"""Runs between the two passes: drops duplicate rows, and assigns a group and a split to each other row."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from dataset_builder.duplicates.near_duplicates import near_duplicates, similarities
from dataset_builder.duplicates.repeated import later_near_duplicates, repeated_rows, surplus_copies
from dataset_builder.first_pass import Rows
from dataset_builder.source.files.catalogue import (
    CatalogueFile,
    described,
)
from dataset_builder.source.parse import Drop
from dataset_builder.splits.assign import assign, too_large
from dataset_builder.workers.in_order import InOrder
from titlecraft.errors import UserError
from titlecraft.rows.groups import NO_PAIRS, group_rows
from titlecraft.settings import Data


@dataclass(frozen=True)
class Groups:
    """Groups and splits of the rows.

    Args:
        keys: key of each row's group.
        assigned: split of each row as an index into SPLITS; -1 is not published.
        dropped: number of dropped rows by reason.
        near_duplicates: published near-duplicates.
        near_measured: published rows that sketches can compare.
        kept_in_train: rows of groups that are too large for a held-out split.
    """

    keys: np.ndarray
    assigned: np.ndarray
    dropped: Counter[str]
    near_duplicates: int | None
    near_measured: int | None
    kept_in_train: int


def group_and_assign(rows: Rows, settings: Data, in_order: InOrder) -> Groups:
    """Drop duplicates and surplus copies, group the other rows, drop near-duplicates if wanted, and assign a split to every group."""
    groups, assigned = np.zeros(len(rows.keys), np.uint64), np.full(len(rows.keys), -1, np.int8)
    repeated = repeated_rows(rows.keys)
    kept = np.flatnonzero(~repeated)
    surplus = surplus_copies(rows.contents[kept], rows.titles[kept], settings.max_titles_per_description)
    kept = kept[~surplus]
    titles, contents = rows.titles[kept], rows.contents[kept]
    pairs, near, measured = NO_PAIRS, None, None
    if rows.sketches is not None:
        _, one_of_each = np.unique(contents, return_index=True)
        pairs = np.searchsorted(kept, near_duplicates(rows.sketches, kept[np.sort(one_of_each)], in_order))
    groups[kept] = group_rows(titles, contents, pairs)
    later = np.zeros(len(kept), dtype=bool)
    if rows.sketches is not None and settings.near_duplicates == "drop":
        later = later_near_duplicates(contents, pairs, similarities(rows.sketches, kept[pairs]))
        pairs = np.searchsorted(np.flatnonzero(~later), pairs[~later[pairs].any(axis=1)])
        kept, contents = kept[~later], contents[~later]
    assigned[kept] = assign(groups[kept], settings)
    large = kept[too_large(groups[kept], assigned[kept], settings)]
    assigned[large] = 0
    if rows.sketches is not None:
        seen = rows.measurable[kept] & (assigned[kept] >= 0)
        measured = int(seen.sum())
        near = int((np.isin(contents, contents[np.unique(pairs)]) & seen).sum()) if measured else None
    dropped = {
        Drop.DUPLICATE: int(repeated.sum()),
        Drop.REPEATED_CONTENT: int(surplus.sum()),
        Drop.NEAR_DUPLICATE: int(later.sum()),
        Drop.NOT_SAMPLED: int((assigned[kept] < 0).sum()),
    }
    counts: Counter[str] = Counter({str(reason): count for reason, count in dropped.items() if count})
    return Groups(groups, assigned, counts, near, measured, len(large))


def require_training_rows(files: list[CatalogueFile], groups: Groups, settings: Data) -> None:
    """Raise UserError if the training split is empty: all rows are held out, or the sample has none of a few large groups."""
    if (groups.assigned == 0).any():
        return
    if (groups.assigned < 0).all():
        raise UserError(
            f"{described(files)}: the sample of about {settings.limit:,} rows took none of {groups.dropped[Drop.NOT_SAMPLED]:,} "
            "rows, because rows that share a text are sampled together: make data.limit larger, or leave it out"
        )
    raise UserError(
        f"{described(files)}: no row is left for the training split; make data.test_share and data.validation_share smaller"
    )
