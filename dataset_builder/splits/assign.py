"""Which split a row belongs to: a keyed hash of its group, whatever the order of the rows or the number of workers.

Rows that share a title or a description, or whose descriptions are nearly the same, are one group and fall into one split,
so that no held-out title or answer stands in the training split. Groups are connected components (scipy). A group that is
larger than a whole held-out split should be stays in the training split.
"""

import numpy as np
import xxhash
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from titlecraft.search.word_ngrams import mix
from titlecraft.settings import Data

SPLITS = ("train", "validation", "test")
SMALL_GROUP = 5  # rows; a group of so many may always be held out, also of a small catalogue
NO_PAIRS = np.empty((0, 2), dtype=np.int64)


def group_rows(titles: np.ndarray, contents: np.ndarray, pairs: np.ndarray = NO_PAIRS) -> np.ndarray:
    """A 64-bit group key for each row, from its title keys and content keys, both uint64 of shape (rows,), and from pairs
    of rows that belong together, integers of shape (pairs, 2).

    The key of a group is the smallest title key in it: independent of the order of the rows.
    """
    _, title_ids = np.unique(titles, return_inverse=True)
    _, content_ids = np.unique(contents, return_inverse=True)
    title_count = title_ids.max(initial=-1) + 1
    nodes = title_count + content_ids.max(initial=-1) + 1
    ones = np.concatenate([title_ids, title_ids[pairs[:, 0]]])
    others = np.concatenate([title_count + content_ids, title_ids[pairs[:, 1]]])
    edges = coo_array((np.ones(len(ones), dtype=np.int8), (ones, others)), shape=(nodes, nodes))
    _, labels = connected_components(edges, directed=False)
    component = labels[title_ids]
    smallest = np.full(labels.max(initial=-1) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, component, titles)
    return smallest[component]


def place(groups: np.ndarray, seed: int, purpose: str) -> np.ndarray:
    """Numbers in [0, 1), uniform, that depend on the group, the seed and the purpose alone."""
    key = np.uint64(xxhash.xxh3_64_intdigest(f"{purpose}:{seed}".encode()))
    return (mix(mix(groups) ^ key) >> np.uint64(11)) / 2**53


def assign(groups: np.ndarray, settings: Data) -> np.ndarray:
    """Split of each row as an index into SPLITS, or -1 where the sample leaves it out; int8 of shape (rows,)."""
    share = 1.0 if settings.limit is None else min(1.0, settings.limit / max(1, len(groups)))
    where = place(groups, settings.seed, "split")
    held_out = settings.test_share + settings.validation_share
    splits = np.where(where < settings.test_share, 2, np.where(where < held_out, 1, 0)).astype(np.int8)
    splits[place(groups, settings.seed, "sample") >= share] = -1
    return splits


def too_large(groups: np.ndarray, splits: np.ndarray, settings: Data) -> np.ndarray:
    """True for each row in a held-out split whose group has more rows than that whole split should; bool of shape (rows,).

    Such a group would take the split over: near-copies of one product would be nearly all that is evaluated.
    """
    found = np.zeros(len(groups), dtype=bool)
    rows = int((splits >= 0).sum())
    for split, share in ((1, settings.validation_share), (2, settings.test_share)):
        held_out = np.flatnonzero(splits == split)
        _, ids, sizes = np.unique(groups[held_out], return_inverse=True, return_counts=True)
        found[held_out] = sizes[ids] > max(SMALL_GROUP, share * rows)
    return found
