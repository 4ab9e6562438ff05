"""Plots of differences: the forest plot of all measures, and the histogram of the primary measure."""

import textwrap
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from evaluation.report.numbers import number
from evaluation.report.themes import FAINT, HUES, INK, PAPER, in_themes
from evaluation.report.wording import differences_vary, sides
from titlecraft.records import Measure, Tested, column

WIDTH = 4.2  # inches; 9 points are 10.5 pixels on a phone of 390 pixels
LINE = 52  # characters of 9 points in a line of this width


def paired_differences(measure: Measure, rows: list[dict[str, Any]]) -> np.ndarray:
    """Return after − before for every title that the measure reads, [n]."""
    before, after = paired_values(measure, rows)
    return after - before


def paired_values(measure: Measure, rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the values before [n] and after [n] for the titles that the measure reads in both arms."""
    all_pairs = [[row[column(measure.name, arm)] for arm in ("before", "after")] for row in rows]
    pairs = np.array([pair for pair in all_pairs if None not in pair], dtype=np.float64)
    return pairs[:, 0], pairs[:, 1]


def hue(measure: Measure) -> str:
    """Return the colour of the measure's verdict; the text colour if it is neither better nor worse."""
    return HUES.get(measure.verdict(), INK)


def new_figure(height: float, rows: int = 1, columns: int = 1, **shared: Any) -> tuple[Any, Any]:
    """Return a figure and its axes (or an array [rows, columns] of them) without frames; pyplot's global state is not used."""
    figure = Figure(figsize=(WIDTH, height), dpi=200, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(rows, columns, squeeze=False, subplot_kw={"facecolor": PAPER}, **shared)
    for axes in panels.flat:
        axes.spines[:].set_visible(False)
        axes.tick_params(colors=INK, labelsize=9, length=0)
    return figure, panels[0, 0] if rows == columns == 1 else panels


def forest(record: Tested, rows: list[dict[str, Any]]) -> dict[str, bytes]:
    """Plot every measure's mean difference with its interval, in standard deviations of its paired differences.

    This is Cohen's d_z (Lakens 2013), which puts measures of different units on one axis. Right is better. A measure whose
    paired differences are all equal has no standard deviation and is drawn in its own unit.
    """
    figure, axes = new_figure(0.8 + 0.33 * len(record.measures))
    axes.axvline(0, color=FAINT, linewidth=1.2, zorder=0)
    for position, measure in enumerate(reversed(record.measures)):
        scale = measure.std if differences_vary(measure) else 1.0
        sign = -1 if measure.better == "lower" else 1
        ends = [measure.difference if end is None else end for end in (measure.low, measure.high)]
        low, high = sorted(sign * end / scale for end in ends)
        filled = measure.better != "neither"
        colour = hue(measure)
        axes.plot([low, high], [position, position], color=colour, linewidth=2.2, solid_capstyle="round")
        axes.plot(
            sign * measure.difference / scale,
            position,
            "o",
            color=colour,
            markersize=6.5,
            markerfacecolor=colour if filled else PAPER,
            markeredgewidth=1.6,
        )
    primary = record.evaluation.primary
    labels = [("▸ " if measure.name == primary else "") + measure.label for measure in reversed(record.measures)]
    axes.set_yticks(range(len(labels)), labels)
    reach = max(0.3, *(abs(edge) for edge in axes.get_xlim()))
    axes.set_xlim(-reach, reach)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    left, right = sides(record)
    axes.set_xlabel(f"← {left}     standard deviations     {right} →", color=INK, fontsize=9, labelpad=8)
    return in_themes(figure)


def by_title(record: Tested, rows: list[dict[str, Any]]) -> dict[str, bytes]:
    """Plot the histogram of paired differences in the primary measure; lines mark 0 and the mean."""
    measure = record.primary()
    differences = paired_differences(measure, rows)
    figure, axes = new_figure(2.1)
    counts, edges = np.histogram(differences, bins=min(40, max(8, len(differences) // 6)))
    axes.stairs(counts, edges, color=hue(measure), alpha=0.55, fill=True)
    top, mean = axes.get_ylim()[1], differences.mean()
    axes.vlines(0, 0, top, color=INK, linewidth=1)  # both lines end below the label
    axes.vlines(mean, 0, top, color=hue(measure), linewidth=2)
    axes.set_ylim(0, top * 1.2)
    left, right = axes.get_xlim()
    axes.text(
        mean,
        top * 1.03,
        f"mean {number(measure.difference, signed=True)}",
        color=hue(measure),
        fontsize=9,
        ha="left" if mean < (left + right) / 2 else "right",
        va="bottom",
    )
    label = f"{measure.label}, {record.arms[1]} − {record.arms[0]} ({measure.unit})"
    axes.set_xlabel(f"{textwrap.fill(label, LINE)}\none count per title", color=INK, fontsize=9)
    axes.set_yticks([])
    return in_themes(figure)
