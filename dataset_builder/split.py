"""Which split a row belongs to: a keyed hash of its group, whatever the order of the rows or the number of workers.

Rows that share a title or a description are one group and fall into one split, so that no held-out title or answer stands
in the training split. Groups are the connected components of "shares a title key or a content key" (scipy).
"""

import numpy as np
import xxhash
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from titlecraft.settings import Data

SPLITS = ("train", "validation", "test")


def text_key(text: str) -> int:
    """64-bit key of a text up to case (xxh3): what counts as the same title or the same description."""
    return xxhash.xxh3_64_intdigest(text.casefold().encode())


def group_rows(titles: np.ndarray, contents: np.ndarray) -> np.ndarray:
    """A 64-bit group key for each row, from its title keys and content keys, both uint64 of shape (rows,).

    The key of a group is the smallest title key in it: independent of the order of the rows.
    """
    rows = len(titles)
    _, title_ids = np.unique(titles, return_inverse=True)
    _, content_ids = np.unique(contents, return_inverse=True)
    nodes = title_ids.max(initial=-1) + 1 + content_ids.max(initial=-1) + 1
    edges = coo_array(
        (np.ones(rows, dtype=np.int8), (title_ids, title_ids.max(initial=-1) + 1 + content_ids)), shape=(nodes, nodes)
    )
    _, labels = connected_components(edges, directed=False)
    component = labels[title_ids]
    smallest = np.full(labels.max(initial=-1) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, component, titles)
    return smallest[component]


def place(group: int, seed: int, purpose: str) -> float:
    """A number in [0, 1) that depends on the group, the seed and the purpose alone."""
    return xxhash.xxh3_64_intdigest(f"{purpose}:{seed}:{group}".encode()) / 2**64


def assign(groups: np.ndarray, settings: Data) -> np.ndarray:
    """Split of each row as an index into SPLITS, or -1 where the sample leaves it out; int8 of shape (rows,)."""
    keys, inverse = np.unique(groups, return_inverse=True)
    share = 1.0 if settings.limit is None else min(1.0, settings.limit / max(1, len(groups)))
    splits = np.empty(len(keys), dtype=np.int8)
    for index, key in enumerate(keys.tolist()):
        where = place(key, settings.seed, "split")
        held_out = settings.test_share + settings.validation_share
        splits[index] = 2 if where < settings.test_share else 1 if where < held_out else 0
        if place(key, settings.seed, "sample") >= share:
            splits[index] = -1
    return splits[inverse]
