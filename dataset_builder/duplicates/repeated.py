"""Decides which rows are dropped as duplicates, from the keys (uint64) of all rows."""

import numpy as np

from dataset_builder.duplicates.near_duplicates import SIMILARITY
from titlecraft.rows.groups import group_rows


def repeated_rows(keys: np.ndarray) -> np.ndarray:
    """Return True for each row with the key of an earlier row; bool of shape (rows,)."""
    _, first = np.unique(keys, return_index=True)
    repeated = np.ones(len(keys), dtype=bool)
    repeated[first] = False
    return repeated


def surplus_copies(contents: np.ndarray, titles: np.ndarray, max_titles: int) -> np.ndarray:
    """Return True for each row beyond the first `max_titles` rows with the same description; bool of shape (rows,).

    The rows with the smallest title keys are kept: a random choice that does not depend on the order of the file.
    """
    order = np.lexsort((titles, contents))
    sorted_contents = contents[order]
    is_first = np.ones(len(order), dtype=bool)
    is_first[1:] = sorted_contents[1:] != sorted_contents[:-1]
    positions = np.arange(len(order))
    rank = positions - np.maximum.accumulate(np.where(is_first, positions, 0))
    surplus = np.zeros(len(order), dtype=bool)
    surplus[order] = rank >= max_titles
    return surplus


def later_near_duplicates(contents: np.ndarray, pairs: np.ndarray, similarity: np.ndarray) -> np.ndarray:
    """Return True for each row whose description is a near-duplicate of an earlier one; bool of shape (rows,).

    The description that comes first in the source stays, with all of its rows, of each cluster: descriptions that pairs with a
    similarity of at least SIMILARITY connect, directly or by others.

    Args:
        contents: keys of the descriptions, in the order of the source.
        pairs: rows with similar descriptions, integers of shape (pairs, 2); `similarity` is that of each pair.
    """
    clusters = group_rows(contents, contents, pairs[similarity >= SIMILARITY])
    _, first_rows, ids = np.unique(clusters, return_index=True, return_inverse=True)
    return contents != contents[first_rows[ids]]
