"""Assigns rows to splits by a keyed hash of their group, independently of the order of the rows and the number of workers.

Rows that share a title or a description, or whose descriptions are near-duplicates, form one group and get one split, so that
no held-out title or description is in the training split. Groups are connected components (scipy). A group that is larger than
the target size of a held-out split stays in the training split.
"""

import numpy as np

from titlecraft.rows.groups import uniform_hash
from titlecraft.settings import Data

SPLITS = ("train", "validation", "test")
SMALL_GROUP = 5  # rows; a group of up to this size may be held out even if the catalogue is small


def assign(groups: np.ndarray, settings: Data) -> np.ndarray:
    """Return the split of each row as an index into SPLITS, or -1 if it is not sampled; int8 of shape (rows,)."""
    share = 1.0 if settings.limit is None else min(1.0, settings.limit / max(1, len(groups)))
    position = uniform_hash(groups, settings.seed, "split")
    held_out = settings.test_share + settings.validation_share
    splits = np.where(position < settings.test_share, 2, np.where(position < held_out, 1, 0)).astype(np.int8)
    splits[uniform_hash(groups, settings.seed, "sample") >= share] = -1
    return splits


def too_large(groups: np.ndarray, splits: np.ndarray, settings: Data) -> np.ndarray:
    """Return True for each held-out row whose group is larger than the target size of its split; bool of shape (rows,).

    Such a group would dominate the evaluation with near-duplicates of one product.
    """
    large = np.zeros(len(groups), dtype=bool)
    rows = int((splits >= 0).sum())
    for split, share in ((1, settings.validation_share), (2, settings.test_share)):
        held_out = np.flatnonzero(splits == split)
        _, ids, sizes = np.unique(groups[held_out], return_inverse=True, return_counts=True)
        large[held_out] = sizes[ids] > max(SMALL_GROUP, share * rows)
    return large
