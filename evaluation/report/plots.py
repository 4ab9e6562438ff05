"""Plots of differences: the forest plot of all measures, and the histogram of the primary measure."""

import textwrap
from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from evaluation.report.numbers import number
from evaluation.report.wording import differences_vary, sides
from titlecraft.records import Measure, Tested, column

INK = {"light": "#1f2328", "dark": "#e6e8eb"}
FAINT = {"light": "#d5d9de", "dark": "#3a4048"}
WIDTH = 4.2  # inches; 9 points are 10.5 pixels on a phone of 390 pixels
LINE = 52  # characters of 9 points in a line of this width
COLOURS = 128  # of a palette PNG, a third of the bytes; enough for the edges of letters
PAPER = {"light": "#ffffff", "dark": "#16191d"}
HUES = {
    "light": {"better": "#1a7f5a", "worse": "#b3432b"},
    "dark": {"better": "#4cc38a", "worse": "#f0795f"},
}


def paired_differences(measure: Measure, rows: list[dict[str, Any]]) -> np.ndarray:
    """Return after − before for every title that the measure reads, [n]."""
    before, after = paired_values(measure, rows)
    return after - before


def paired_values(measure: Measure, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the values before [n] and after [n] for the titles that the measure reads in both arms."""
    all_pairs = [[row[column(measure.name, arm)] for arm in ("before", "after")] for row in rows]
    pairs = np.array([pair for pair in all_pairs if None not in pair], dtype=np.float64)
    return pairs[:, 0], pairs[:, 1]


def hue(measure: Measure, theme: str) -> str:
    """Return the colour of the measure's verdict; the text colour if it is neither better nor worse."""
    return HUES[theme].get(measure.verdict(), INK[theme])


def new_figure(height: float, theme: str, rows: int = 1, columns: int = 1, **shared: Any) -> tuple[Any, Any]:
    """Return a figure and its axes (or an array [rows, columns] of them) without frames; pyplot's global state is not used."""
    figure = Figure(figsize=(WIDTH, height), dpi=200, facecolor=PAPER[theme], layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False, subplot_kw={"facecolor": PAPER[theme]}, **shared)
    for axes in panels.flat:
        axes.spines[:].set_visible(False)
        axes.tick_params(colors=INK[theme], labelsize=9, length=0)
    return figure, panels[0, 0] if rows == columns == 1 else panels


def png(figure: Any) -> bytes:
    """Return the figure as PNG with at most COLOURS colours and no metadata; the same figure gives the same bytes."""
    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    out = BytesIO()
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(out, format="png", optimize=True)
    return out.getvalue()


def forest(record: Tested, rows: list[dict[str, Any]], theme: str) -> bytes:
    """Plot every measure's mean difference with its interval, in standard deviations of its paired differences.

    This is Cohen's d_z (Lakens 2013), which puts measures of different units on one axis. Right is better. A measure whose
    paired differences are all equal has no standard deviation and is drawn in its own unit.
    """
    figure, axes = new_figure(0.8 + 0.33 * len(record.measures), theme)
    axes.axvline(0, color=FAINT[theme], linewidth=1.2, zorder=0)
    for position, measure in enumerate(reversed(record.measures)):
        scale = measure.std if differences_vary(measure) else 1.0
        sign = -1 if measure.better == "lower" else 1
        ends = [measure.difference if end is None else end for end in (measure.low, measure.high)]
        low, high = sorted(sign * end / scale for end in ends)
        filled = measure.better != "neither"
        colour = hue(measure, theme)
        axes.plot([low, high], [position, position], color=colour, linewidth=2.2, solid_capstyle="round")
        axes.plot(
            sign * measure.difference / scale,
            position,
            "o",
            color=colour,
            markersize=6.5,
            markerfacecolor=colour if filled else PAPER[theme],
            markeredgewidth=1.6,
        )
    primary = record.evaluation.primary
    labels = [("▸ " if measure.name == primary else "") + measure.label for measure in reversed(record.measures)]
    axes.set_yticks(range(len(labels)), labels)
    reach = max(0.3, *(abs(edge) for edge in axes.get_xlim()))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    left, right = sides(record)
    axes.set_xlabel(f"← {left}     standard deviations     {right} →", color=INK[theme], fontsize=9, labelpad=8)
    return png(figure)


def by_title(record: Tested, rows: list[dict[str, Any]], theme: str) -> bytes:
    """Plot the histogram of paired differences in the primary measure; lines mark 0 and the mean."""
    measure = record.primary()
    differences = paired_differences(measure, rows)
    figure, axes = new_figure(2.1, theme)
    axes.hist(
        differences, bins=min(40, max(8, len(differences) // 6)), color=hue(measure, theme), alpha=0.55, linewidth=0
    )
    top, mean = axes.get_ylim()[1], differences.mean()
    axes.vlines(0, 0, top, color=INK[theme], linewidth=1)  # both lines end below the label
    axes.vlines(mean, 0, top, color=hue(measure, theme), linewidth=2)
    axes.set_ylim(0, top * 1.2)
    left, right = axes.get_xlim()
    axes.text(
        mean,
        top * 1.03,
        f"mean {number(measure.difference, signed=True)}",
        color=hue(measure, theme),
        fontsize=9,
        ha="left" if mean < (left + right) / 2 else "right",
        va="bottom",
    )
    label = f"{measure.label}, {record.arms[1]} − {record.arms[0]} ({measure.unit}); one count per title"
    axes.set_xlabel(textwrap.fill(label, LINE), color=INK[theme], fontsize=9)
    axes.set_yticks([])
    return png(figure)
