"""Which rows are dropped as duplicates: from the keys of all rows at once, 8 bytes for each key of a row."""

import numpy as np


def repeated_rows(keys: np.ndarray) -> np.ndarray:
    """True where an earlier row has the same key; bool of shape (rows,)."""
    _, first = np.unique(keys, return_index=True)
    repeated = np.ones(len(keys), dtype=bool)
    repeated[first] = False
    return repeated


def surplus_copies(contents: np.ndarray, titles: np.ndarray, copies: int) -> np.ndarray:
    """True where a description stands under more than `copies` titles and this row is not one of those kept.

    Kept are the rows with the smallest title keys: a choice at random, the same whatever the order of the file.
    """
    order = np.lexsort((titles, contents))
    ordered = contents[order]
    opens = np.ones(len(order), dtype=bool)
    opens[1:] = ordered[1:] != ordered[:-1]
    places = np.arange(len(order))
    rank = places - np.maximum.accumulate(np.where(opens, places, 0))
    surplus = np.zeros(len(order), dtype=bool)
    surplus[order] = rank >= copies
    return surplus
