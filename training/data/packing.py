"""Pack several examples into each row, so that no padding is computed: best-fit decreasing (Johnson 1974) in shuffled chunks.

Packing assigns indices of examples to rows; the tokens of a row are concatenated when the trainer reads it.
"""

from bisect import bisect_left, insort
from collections import defaultdict
from typing import Any

import numpy as np
from datasets import Dataset
from transformers import DataCollatorWithFlattening

CHUNK = 10_000  # examples packed together: enough to fill rows, few enough to keep the data shuffled


def best_fit(lengths: np.ndarray, capacity: int) -> list[list[int]]:
    """Pack items into bins of at most `capacity` tokens: longest first, each into the fullest bin with room; lists of indices.

    Raises ValueError if a length exceeds the capacity.
    """
    if len(lengths) and lengths.max() > capacity:
        raise ValueError(f"an example of {lengths.max()} tokens does not fit into a row of {capacity}")
    bins: list[list[int]] = []
    with_room: defaultdict[int, list[int]] = defaultdict(list)  # room left -> bins with exactly that room
    rooms: list[int] = []  # the keys of `with_room`, sorted
    for index in np.argsort(-lengths, kind="stable").tolist():
        length = int(lengths[index])
        position = bisect_left(rooms, length)
        if position < len(rooms):
            room = rooms[position]
            chosen = with_room[room].pop()
            if not with_room[room]:
                rooms.pop(position)
        else:
            room, chosen = capacity, len(bins)
            bins.append([])
        bins[chosen].append(index)
        if left := room - length:
            if not with_room[left]:
                insort(rooms, left)
            with_room[left].append(chosen)
    return bins


def pack(lengths: np.ndarray, capacity: int, seed: int) -> list[list[int]]:
    """Pack all examples into rows of at most `capacity` tokens, shuffled by `seed`; each row is a list of indices."""
    order = np.random.default_rng(seed).permutation(len(lengths))
    rows: list[list[int]] = []
    for start in range(0, len(order), CHUNK):
        chunk = order[start : start + CHUNK]
        rows += [chunk[row].tolist() for row in best_fit(lengths[chunk], capacity)]
    return rows


def packed_dataset(dataset: Dataset, lengths: np.ndarray, capacity: int, seed: int) -> Dataset:
    """A dataset with one item per row: lists of `input_ids` and `labels`, one list per example in the row."""

    def gather(rows: dict[str, list[list[int]]]) -> dict[str, list[list[list[int]]]]:
        examples = [dataset[indices] for indices in rows["indices"]]
        return {name: [row[name] for row in examples] for name in ("input_ids", "labels")}

    return Dataset.from_dict({"indices": pack(lengths, capacity, seed)}).with_transform(gather)


def longest_of_rows(dataset: Dataset, lengths: np.ndarray) -> np.ndarray:
    """Tokens of the longest example in each row of a packed dataset."""
    return np.array([lengths[indices].max() for indices in dataset.with_format(None)["indices"]])


def flatten_rows(rows: list[dict[str, list[list[int]]]]) -> dict[str, Any]:
    """Collate packed rows into one sequence: input_ids, labels and position_ids of shape (1, tokens), and cu_seq_lens.

    The first token of each example has no label, since no token before it could predict it.
    """
    flatten = DataCollatorWithFlattening(return_flash_attn_kwargs=True)
    return flatten(
        [
            {"input_ids": ids, "labels": labels}
            for row in rows
            for ids, labels in zip(row["input_ids"], row["labels"], strict=True)
        ]
    )


def flatten_examples(examples: list[dict[str, list[int]]]) -> dict[str, Any]:
    """Collate examples as `flatten_rows` does rows: the same examples as in a padded batch, without padding."""
    return flatten_rows([{name: [example[name]] for name in ("input_ids", "labels")} for example in examples])
