"""Plots on the dataset card."""

import itertools
from pathlib import Path

from dataset_builder.outcome import share_label
from titlecraft.cards.picture import save_png
from titlecraft.records import DatasetRecord

COLOURS = {"train": "#4c72b0", "validation": "#dd8452", "test": "#55a868"}
DROPPED, QUARANTINED = "#b0b0b0", "#c44e52"
WIDTH = 4.4  # inches: 8 points are readable at the width of a phone


def length_labels(edges: list[int]) -> list[str]:
    """Return the labels of a histogram's bins, the last one open: "0–49", …, "≥ 6400"."""
    return [f"{low}–{high - 1}" for low, high in itertools.pairwise(edges)] + [f"≥ {edges[-1]}"]


def plot_lengths(record: DatasetRecord, path: Path) -> None:
    """Plot the histogram of description lengths of each split, as shares of the split."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    labels = length_labels(next(iter(record.splits.values())).output_length.edges)
    width = 0.8 / len(record.splits)
    middle = (len(record.splits) - 1) / 2
    for index, (name, split) in enumerate(record.splits.items()):
        shares = [100 * count / max(1, split.rows) for count in split.output_length.counts]
        positions = [position + (index - middle) * width for position in range(len(labels))]
        axes.bar(positions, shares, width, label=f"{name} ({split.rows:,} rows)", color=COLOURS[name])
    axes.set_xticks(range(len(labels)), labels, fontsize=8, rotation=45, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("length of the description, characters", fontsize=8.5)
    axes.set_ylabel("share of the split, %", fontsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    save_png(figure, path, dpi=200)


def line_outcomes(record: DatasetRecord) -> list[tuple[str, int, str]]:
    """Return name, number of lines and colour of each bar, from top to bottom; the numbers add up to the source's lines."""
    bars = [(f"{name} split", split.rows, COLOURS[name]) for name, split in record.splits.items()]
    for reason, count in sorted(record.dropped.items(), key=lambda item: -item[1]):
        bars.append((f"dropped: {reason.replace('_', ' ')}", count, DROPPED))
    return [*bars, ("quarantined", sum(record.quarantined.values()), QUARANTINED)]


def plot_splits(record: DatasetRecord, path: Path) -> None:
    """Plot a bar for each split, each reason of dropped lines, and the quarantined lines, with its share of all lines."""
    from matplotlib.figure import Figure

    names, counts, colours = zip(*line_outcomes(record), strict=True)
    lines, positions = record.source.lines, range(len(names))
    figure = Figure(figsize=(WIDTH, 0.6 + 0.24 * len(names)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(positions, counts, color=colours)
    axes.bar_label(bars, [f"{count:,} ({share_label(count / lines)})" for count in counts], padding=4, fontsize=8)
    figure.suptitle(f"Outcome of the {lines:,} lines of {record.source}", fontsize=9, x=0.01, ha="left")
    axes.set_yticks(positions, names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)  # first bar at the top
    axes.set_xlim(right=1.8 * max(counts))  # room for the labels
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    save_png(figure, path, dpi=200)
