"""What is said about a dataset, measured on its published files."""

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from dataset_builder.parse import product_kind
from dataset_builder.split import text_key
from titlecraft.records import Distribution, Leakage

LENGTH_EDGES = [0, 50, 100, 200, 400, 800, 1600, 3200, 6400]


def length_distribution(folder: Path, names: list[str]) -> Distribution:
    """Lengths of `output`, in Unicode characters, over a split's shards."""
    lengths = np.concatenate(
        [np.array([len(text) for text in column(folder, name, "output")], dtype=np.int64) for name in names]
    )
    if not len(lengths):
        lengths = np.zeros(1, dtype=np.int64)
    counts, _ = np.histogram(lengths, bins=[*LENGTH_EDGES, np.inf])
    return Distribution(
        unit="characters",
        mean=round(float(lengths.mean()), 1),
        median=float(np.median(lengths)),
        p95=float(np.percentile(lengths, 95, method="inverted_cdf")),
        maximum=int(lengths.max()),
        edges=LENGTH_EDGES,
        counts=counts.tolist(),
    )


def column(folder: Path, name: str, of: str) -> list[str]:
    """One column of one shard."""
    return pq.read_table(folder / name, columns=[of]).column(of).to_pylist()


def keys(folder: Path, names: list[str], of: str) -> list[int]:
    """Keys (case ignored) of a column over a split's shards."""
    return [text_key(text) for name in names for text in column(folder, name, of)]


def measure_leakage(folder: Path, shards: dict[str, list[str]]) -> dict[str, Leakage]:
    """For each held-out split: how many of its rows share title or output with the training split."""
    titles, outputs = (set(keys(folder, shards["train"], of)) for of in ("title", "output"))
    found = {}
    for split in shards.keys() - {"train"}:
        ours = keys(folder, shards[split], "title")
        found[split] = Leakage(
            rows=len(ours),
            shared_titles=sum(key in titles for key in ours),
            shared_outputs=sum(key in outputs for key in keys(folder, shards[split], "output")),
        )
    return dict(sorted(found.items()))


def count_kinds(folder: Path, shards: dict[str, list[str]]) -> dict[str, int]:
    """Published rows by what their identifier tells of the product."""
    uids = (uid for names in shards.values() for name in names for uid in column(folder, name, "uid"))
    return dict(sorted(Counter(product_kind(uid) for uid in uids).items()))
