"""The lineage of dataset, adapter and reports as a small PNG, readable on a phone. The same graph gives the same bytes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from titlecraft.cards.picture import save_png
from titlecraft.records import Pin, Source
from titlecraft.records.lineage import Result, Trained, best_first

WIDTH, INDENT, GAP, SIDE = 4.2, 0.28, 0.24, 0.06  # inches
LINE, PADDING = 0.175, 0.07
COLOURS = {
    "source": "#6b7280",
    "dataset": "#4c72b0",
    "base model": "#8172b3",
    "adapter": "#dd8452",
    "report": "#55a868",
}
MOST_ADAPTERS, MOST_REPORTS = 3, 2
LETTERS = {"normal": 15.5, "bold": 13.5}  # of the largest font in an inch
LARGEST, SMALLEST = 8.5, 5.5


class Box(NamedTuple):
    """A repo or report: its kind, its name, its commit if known, and further lines of text."""

    kind: str
    name: str
    commit: str
    lines: tuple[str, ...] = ()

    @property
    def height(self) -> float:
        """The height of a box in inches."""
        return LINE * (2 + len(self.lines)) + 2 * PADDING


class Branch(NamedTuple):
    """A box below the trunk, and the boxes that depend on it."""

    box: Box
    twigs: Sequence[Box] = ()


def draw_adapter(dataset: Pin, base: Pin, adapter: str, reports: list[Result], path: Path) -> None:
    """Draw dataset and base -> adapter -> its reports by id, because their commits may not be known yet."""
    results = best_first(reports)
    above = [Box("dataset", dataset.repo, short_commit(dataset)), Box("base model", base.repo, short_commit(base))]
    branches = [Branch(report_box(result, result.id)) for result in results[:MOST_REPORTS]]
    if not results:
        branches = [Branch(Box("report", "not evaluated", ""))]
    draw(above, Box("adapter", adapter, "this repo"), branches, hidden_note(len(results), MOST_REPORTS, "report"), path)


def draw_dataset(source: Source | None, dataset: str, adapters: list[Trained], path: Path) -> None:
    """Draw source -> dataset -> the most recently listed adapters, each with its best report."""
    newest = list(reversed(adapters))
    branches = [
        Branch(
            adapter_box(trained),
            [report_box(best, f"@ {best.revision[:12]}") for best in best_first(trained.reports)[:1]],
        )
        for trained in newest
    ]
    above = [Box("source", str(source), f"{source.lines:,} lines")] if source else []
    left_out = hidden_note(len(branches), MOST_ADAPTERS, "adapter")
    draw(above, Box("dataset", dataset, "this repo"), branches[:MOST_ADAPTERS], left_out, path)


def adapter_box(trained: Trained) -> Box:
    """Return the box of an adapter with its commit, the commit of its training dataset, and its base."""
    return Box(
        "adapter",
        trained.adapter.repo,
        short_commit(trained.adapter),
        (f"from dataset {short_commit(trained.dataset)}", f"on {trained.base.repo}"),
    )


def report_box(result: Result, where: str) -> Box:
    """Return the box of a report with its primary measure and verdict."""
    values = f"{result.label} {result.before:.4g} → {result.after:.4g} {result.unit}, n = {result.n:,}"
    return Box("report", result.verdict, where, (values,))


def short_commit(pin: Pin) -> str:
    """Return the short commit of a pin."""
    return f"@ {pin.revision[:12]}"


def hidden_note(count: int, shown: int, noun: str) -> str | None:
    """Return a text about the boxes that the picture leaves out, or None."""
    hidden = count - shown
    return f"and {hidden} more {noun}{'s' if hidden > 1 else ''}" if hidden > 0 else None


def draw(above: Sequence[Box], trunk: Box, branches: Sequence[Branch], left_out: str | None, path: Path) -> None:
    """Draw boxes side by side at the top, arrows into the trunk, and branches below it along a line at the left."""
    from matplotlib.figure import Figure

    row = max((box.height for box in above), default=-GAP)
    hanging = [
        (INDENT * depth, box)
        for branch in branches
        for depth, box in [(1, branch.box), *((2, twig) for twig in branch.twigs)]
    ]
    height = 2 * SIDE + row + GAP + trunk.height + sum(box.height + GAP / 2 for _, box in hanging)
    height += 1.5 * LINE if left_out else 0
    path.parent.mkdir(parents=True, exist_ok=True)
    figure = Figure(figsize=(WIDTH, height), facecolor="white")
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(height, 0))
    axes.set_axis_off()
    wide = (WIDTH - 2 * SIDE - GAP * (len(above) - 1)) / max(1, len(above))
    y = SIDE + row + GAP
    for number, box in enumerate(above):
        left = SIDE + number * (wide + GAP)
        draw_box(axes, box, left, SIDE, wide, row)
        axes.annotate("", (left + wide / 2, y), (left + wide / 2, SIDE + row), arrowprops=ARROW)
    draw_box(axes, trunk, SIDE, y, WIDTH - 2 * SIDE, trunk.height)
    stems = {0.0: y + trunk.height}
    y += trunk.height + GAP / 2
    for indent, box in hanging:
        left, parent = SIDE + indent, indent - INDENT
        middle, stem = y + box.height / 2, SIDE + parent + INDENT / 2
        axes.plot([stem, stem], [stems[parent], middle], color=ARROW["color"], linewidth=1)
        axes.annotate("", (left, middle), (stem, middle), arrowprops=ARROW)
        draw_box(axes, box, left, y, WIDTH - SIDE - left, box.height)
        stems |= {parent: middle, indent: y + box.height}
        y += box.height + GAP / 2
    if left_out:
        axes.text(SIDE + INDENT, y + LINE / 2, left_out, fontsize=8, color="#555555", va="center")
    save_png(figure, path, dpi=200)


ARROW = {"arrowstyle": "-|>", "color": "#8a8f98", "linewidth": 1, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8}


def draw_box(axes: Any, box: Box, left: float, top: float, width: float, height: float) -> None:
    """Draw a white box with a coloured left edge; the name in the largest font that fits."""
    from matplotlib.patches import Rectangle

    colour = COLOURS[box.kind]
    axes.add_patch(Rectangle((left, top), width, height, facecolor="#fafafa", edgecolor="#c9ccd1", linewidth=0.8))
    axes.add_patch(Rectangle((left, top), 0.05, height, facecolor=colour, edgecolor="none"))
    room = width - 0.18
    texts = [
        (box.kind, colour, "bold"),
        (box.name, "#111111", "bold"),
        *((line, "#444444", "normal") for line in box.lines),
    ]
    for number, (text, shade, weight) in enumerate(texts):
        size, text = fit(text, room, weight)
        axes.text(
            left + 0.11,
            top + PADDING + LINE * (number + 0.5),
            text,
            fontsize=size,
            color=shade,
            weight=weight,
            va="center",
            parse_math=False,
        )
    axes.text(
        left + width - 0.08,
        top + PADDING + LINE / 2,
        box.commit,
        fontsize=LARGEST - 1,
        color="#444444",
        ha="right",
        va="center",
        parse_math=False,
    )


def fit(text: str, inches: float, weight: str) -> tuple[float, str]:
    """Return the font size in points and the text, shortened in the middle if it exceeds the width in the smallest font."""
    letters = inches * LETTERS[weight]
    size = max(SMALLEST, min(LARGEST, LARGEST * letters / max(1, len(text))))
    length = int(letters * LARGEST / size)
    if len(text) > length:
        text = f"{text[: length // 2 - 1]}…{text[len(text) - length // 2 :]}"
    return size, text
