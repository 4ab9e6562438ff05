"""Pictures on the dataset card."""

import itertools
from pathlib import Path

from titlecraft.records import DatasetRecord


def length_labels(edges: list[int]) -> list[str]:
    """Names of the intervals of a histogram, the last one open: "0–49", …, "≥ 6400"."""
    return [f"{low}–{high - 1}" for low, high in itertools.pairwise(edges)] + [f"≥ {edges[-1]}"]


def plot_lengths(record: DatasetRecord, path: Path) -> None:
    """How long the descriptions of each split are, as shares of the split, so that the splits can be compared."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    labels = length_labels(next(iter(record.splits.values())).output_length.edges)
    width = 0.8 / len(record.splits)
    for index, (name, split) in enumerate(record.splits.items()):
        shares = [100 * count / max(1, split.rows) for count in split.output_length.counts]
        places = [place + (index - 1) * width for place in range(len(labels))]
        axes.bar(
            places, shares, width, label=f"{name} ({split.rows:,} rows)", color=("#4c72b0", "#dd8452", "#55a868")[index]
        )
    axes.set_xticks(range(len(labels)), labels, fontsize=8)
    axes.set_xlabel("length of the description, characters")
    axes.set_ylabel("share of the split, %")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=150, metadata={"Software": None})  # no version in the file: same data, same bytes
