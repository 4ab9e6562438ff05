"""Pictures on the dataset card."""

import itertools
from pathlib import Path

from dataset_builder.outcome import share_label
from titlecraft.records import DatasetRecord

COLOURS = {"train": "#4c72b0", "validation": "#dd8452", "test": "#55a868"}
DROPPED, QUARANTINED = "#b0b0b0", "#c44e52"
WIDTH = 4.4  # inches: as wide as a phone, where letters of 8 points can be read
NO_VERSION = {"Software": None}  # none in the file's metadata: same data, same bytes


def length_labels(edges: list[int]) -> list[str]:
    """Names of the intervals of a histogram, the last one open: "0–49", …, "≥ 6400"."""
    return [f"{low}–{high - 1}" for low, high in itertools.pairwise(edges)] + [f"≥ {edges[-1]}"]


def plot_lengths(record: DatasetRecord, path: Path) -> None:
    """How long the descriptions of each split are, as shares of the split, so that the splits can be compared."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 3.2), layout="constrained")
    axes = figure.subplots()
    labels = length_labels(next(iter(record.splits.values())).output_length.edges)
    width = 0.8 / len(record.splits)
    middle = (len(record.splits) - 1) / 2
    for index, (name, split) in enumerate(record.splits.items()):
        shares = [100 * count / max(1, split.rows) for count in split.output_length.counts]
        places = [place + (index - middle) * width for place in range(len(labels))]
        axes.bar(places, shares, width, label=f"{name} ({split.rows:,} rows)", color=COLOURS[name])
    axes.set_xticks(range(len(labels)), labels, fontsize=8, rotation=45, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("length of the description, characters", fontsize=8.5)
    axes.set_ylabel("share of the split, %", fontsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=200, metadata=NO_VERSION)


def line_outcomes(record: DatasetRecord) -> list[tuple[str, int, str]]:
    """Return name, number of lines and colour of each bar, from the top down. The numbers add up to the lines of the source."""
    bars = [(f"{name} split", split.rows, COLOURS[name]) for name, split in record.splits.items()]
    for reason, count in sorted(record.dropped.items(), key=lambda item: -item[1]):
        bars.append((f"dropped: {reason.replace('_', ' ')}", count, DROPPED))
    return [*bars, ("quarantined", sum(record.quarantined.values()), QUARANTINED)]


def plot_splits(record: DatasetRecord, path: Path) -> None:
    """Rows of each split, lines dropped for each reason, lines quarantined: a bar each, with its share of all lines."""
    from matplotlib.figure import Figure

    names, counts, colours = zip(*line_outcomes(record), strict=True)
    lines, places = record.source.lines, range(len(names))
    figure = Figure(figsize=(WIDTH, 0.6 + 0.24 * len(names)), layout="constrained")
    axes = figure.subplots()
    drawn = axes.barh(places, counts, color=colours)
    axes.bar_label(drawn, [f"{count:,} ({share_label(count / lines)})" for count in counts], padding=4, fontsize=8)
    figure.suptitle(f"What became of the {lines:,} lines of {record.source}", fontsize=9, x=0.01, ha="left")
    axes.set_yticks(places, names, fontsize=8)
    axes.set_ylim(len(names) - 0.4, -0.6)  # from the top down
    axes.set_xlim(right=1.8 * max(counts))  # room for the labels
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    figure.savefig(path, dpi=200, metadata=NO_VERSION)
