"""Decides which rows are dropped as duplicates, from the keys (uint64) of all rows."""

import numpy as np


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
