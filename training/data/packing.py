"""Several examples in one row, so that no step computes padding: best-fit decreasing (Johnson 1974) over shuffled chunks.

Only the places of the examples are packed; their tokens stay where they are and are put together as they are needed.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from typing import Any

import numpy as np

CHUNK = 10_000  # examples that are packed among themselves: large enough to fill rows, small enough to keep them mixed


def best_fit(lengths: np.ndarray, capacity: int) -> list[list[int]]:
    """Places of `lengths` in bins of at most `capacity`: the longest first, each into the fullest bin that still takes it.

    Raises ValueError where a length exceeds the capacity.
    """
    if len(lengths) and lengths.max() > capacity:
        raise ValueError(f"an example of {lengths.max()} tokens does not fit into a row of {capacity}")
    bins: list[list[int]] = []
    with_room: defaultdict[int, list[int]] = defaultdict(list)  # room -> bins that have exactly so much
    rooms: list[int] = []  # its keys, sorted
    for place in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[place])
        at = bisect_left(rooms, length)
        if at < len(rooms):
            room = rooms[at]
            chosen = with_room[room].pop()
            if not with_room[room]:
                rooms.pop(at)
        else:
            room, chosen = capacity, len(bins)
            bins.append([])
        bins[chosen].append(place)
        if left := room - length:
            if not with_room[left]:
                insort(rooms, left)
            with_room[left].append(chosen)
    return bins


def pack(lengths: np.ndarray, capacity: int, seed: int) -> list[list[int]]:
    """Every example in exactly one row of at most `capacity` tokens, the same for the same seed; lists of places."""
    order = np.random.default_rng(seed).permutation(len(lengths))
    rows: list[list[int]] = []
    for start in range(0, len(order), CHUNK):
        chunk = order[start : start + CHUNK]
        rows += [chunk[row].tolist() for row in best_fit(lengths[chunk], capacity)]
    return rows


def packed_dataset(dataset: Any, lengths: np.ndarray, capacity: int, seed: int) -> Any:
    """A `datasets.Dataset` with one item for each row: lists of `input_ids` and `labels`, one list for each example in it."""
    from datasets import Dataset

    def gather(rows: dict[str, list[list[int]]]) -> dict[str, list[list[list[int]]]]:
        there = [dataset[places] for places in rows["places"]]
        return {name: [row[name] for row in there] for name in ("input_ids", "labels")}

    return Dataset.from_dict({"places": pack(lengths, capacity, seed)}).with_transform(gather)


def longest_of_rows(dataset: Any, lengths: np.ndarray) -> np.ndarray:
    """Tokens of the longest example in each row of a packed dataset."""
    return np.array([lengths[places].max() for places in dataset.with_format(None)["places"]])


def flatten_rows(rows: list[dict[str, list[list[int]]]]) -> dict[str, Any]:
    """A batch of packed rows as one long row: input_ids, labels, position_ids of shape (1, tokens), and the borders.

    The first token of each example has no label: nothing in front of it could predict it.
    """
    from transformers import DataCollatorWithFlattening

    flatten = DataCollatorWithFlattening(return_flash_attn_kwargs=True)
    return flatten(
        [
            {"input_ids": ids, "labels": labels}
            for row in rows
            for ids, labels in zip(row["input_ids"], row["labels"], strict=True)
        ]
    )
