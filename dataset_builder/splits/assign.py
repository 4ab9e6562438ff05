"""Assigns rows to splits by a keyed hash of their group, independently of the order of the rows and the number of workers.

Rows that share a title or a description, or whose descriptions are near-duplicates, form one group and get one split, so that
no held-out title or description is in the training split. Groups are connected components (scipy). A group that is larger than
the target size of a held-out split stays in the training split.
"""

import numpy as np

from titlecraft.errors import UserError
from titlecraft.rows.groups import uniform_hash
from titlecraft.settings import Data

SPLITS = ("train", "validation", "test")
SMALL_GROUP = 5  # rows; a group of up to this size may be held out even if the catalogue is small
MOST_HELD_OUT = 0.5  # of the groups


def assign(groups: np.ndarray, settings: Data) -> np.ndarray:
    """Return the split of each row as an index into SPLITS, or -1 if it is not sampled; int8 of shape (rows,)."""
    share = 1.0 if settings.limit is None else min(1.0, settings.limit / max(1, len(groups)))
    position = uniform_hash(groups, settings.seed, "split")
    sampled = uniform_hash(groups, settings.seed, "sample") < share
    test_share = share_for(settings.minimum_test_rows, groups[sampled], position[sampled], settings)
    held_out = test_share + settings.validation_share
    splits = np.where(position < test_share, 2, np.where(position < held_out, 1, 0)).astype(np.int8)
    splits[~sampled] = -1
    return splits


def share_for(minimum: int, groups: np.ndarray, position: np.ndarray, settings: Data) -> float:
    """Return the share of the groups that gives the test split at least `minimum` rows; data.test_share if that does.

    Groups that are too large for the test split do not count. Raises UserError if half of the groups hold fewer rows.

    Args:
        groups, position: group and position in [0, 1) of each sampled row.
    """
    if not minimum:
        return settings.test_share
    _, ids, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    positions = np.sort(position[sizes[ids] <= largest_group(settings.test_share, len(groups))])
    most = MOST_HELD_OUT - settings.validation_share
    if np.searchsorted(positions, most) < minimum:
        raise UserError(
            f"data.minimum_test_rows {minimum:,}: half of the groups hold {int(np.searchsorted(positions, most)):,} rows that the test "
            f"split can have, of {len(groups):,} (rows that share a text stay together): make it smaller"
        )
    return max(settings.test_share, float(np.nextafter(positions[minimum - 1], 1)))


def largest_group(share: float, rows: int) -> float:
    """Return the largest size of a group in a held-out split with this share of the rows."""
    return max(SMALL_GROUP, share * rows)


def too_large(groups: np.ndarray, splits: np.ndarray, settings: Data) -> np.ndarray:
    """Return True for each held-out row whose group is larger than the target size of its split; bool of shape (rows,).

    Such a group would dominate the evaluation with near-duplicates of one product.
    """
    large = np.zeros(len(groups), dtype=bool)
    rows = int((splits >= 0).sum())
    for split, share in ((1, settings.validation_share), (2, settings.test_share)):
        held_out = np.flatnonzero(splits == split)
        _, ids, sizes = np.unique(groups[held_out], return_inverse=True, return_counts=True)
        large[held_out] = sizes[ids] > largest_group(share, rows)
    return large
