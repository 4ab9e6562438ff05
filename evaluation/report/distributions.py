"""Plots of the distributions of each arm: scores, lengths of the answers, and answers cut off."""

from typing import Any

import numpy as np
from matplotlib.lines import Line2D

from evaluation.report.numbers import number
from evaluation.report.plots import new_figure, paired_values
from evaluation.report.themes import ARMS, FAINT, INK, in_themes
from titlecraft.records import Measure, Tested, column, tokens_column

BINS = 24
LONGEST_SHOWN = 0.98  # quantile of the references' lengths; the last bin includes longer ones


def scores(record: Tested, rows: list[dict[str, Any]]) -> dict[str, bytes]:
    """Plot histograms of the scores in both arms, for the primary measure and the claims; lines mark the means."""
    shown = [measure for _, measures in record.blocks()[:2] for measure in measures]
    height = (len(shown) + 1) // 2
    figure, panels = new_figure(1.4 * height + 0.3, height, 2)
    figure.get_layout_engine().set(wspace=0.08)  # between the last number of one axis and the first of the next
    for axes, measure in zip(panels.flat, shown, strict=False):
        draw_scores(axes, measure, rows)
    for axes in list(panels.flat)[len(shown) :]:
        axes.set_visible(False)
    name_arms(figure, record)
    return in_themes(figure)


def draw_scores(axes: Any, measure: Measure, rows: list[dict[str, Any]]) -> None:
    """Draw both histograms of one measure, with the same bins."""
    values = paired_values(measure, rows)
    edges = np.histogram_bin_edges(np.concatenate(values), BINS)
    for scores_of_arm, colour, filled in zip(values, ARMS, (False, True), strict=True):
        counts, _ = np.histogram(scores_of_arm, edges)
        if filled:
            axes.stairs(counts, edges, color=colour, alpha=0.35, fill=True)
        axes.stairs(counts, edges, color=colour, linewidth=1.4)
        axes.axvline(scores_of_arm.mean(), color=colour, linewidth=1.4, linestyle=(0, (3, 2)))
    axes.locator_params(axis="x", nbins=4)
    axes.set_title(measure.label, color=INK, fontsize=9.5, loc="left")
    axes.set_yticks([])
    axes.spines["bottom"].set(visible=True, color=FAINT)


def lengths(record: Tested, rows: list[dict[str, Any]]) -> dict[str, bytes]:
    """Plot histograms of the tokens of references and answers; answers cut off at the token limit are hatched."""
    most = record.generation.max_new_tokens
    reference_tokens = np.array([row["reference_tokens"] for row in rows])
    end = max(most * 1.02, float(np.quantile(reference_tokens, LONGEST_SHOWN)))
    edges = np.linspace(0, end, BINS + 1)
    figure, panels = new_figure(3.6, 3, 1, sharex=True)
    draw_lengths(panels[0, 0], {"stopped": reference_tokens}, edges, INK)
    panels[0, 0].set_title(
        f"reference: mean {number(reference_tokens.mean())} tokens", color=INK, fontsize=9.5, loc="left"
    )
    for axes, key, arm, colour in zip(panels[1:, 0], ("before", "after"), record.arms, ARMS, strict=True):
        tokens = np.array([row[tokens_column(key)] for row in rows])
        stopped = np.array([row[column("stop_rate", key)] == 1 for row in rows])
        draw_lengths(axes, {"stopped": tokens[stopped], "cut": tokens[~stopped]}, edges, colour)
        axes.axvline(most, color=INK, linewidth=0.8, linestyle=(0, (2, 3)))
        title = f"{arm}: mean {number(tokens.mean())} tokens, {stopped.mean():.1%} stop by themselves"
        axes.set_title(title, color=colour, fontsize=9.5, loc="left")
    label = f"tokens; hatched: cut off at the most new tokens ({most})"
    panels[2, 0].set_xlabel(label, color=INK, fontsize=9)
    return in_themes(figure)


def draw_lengths(axes: Any, tokens: dict[str, np.ndarray], edges: np.ndarray, colour: str) -> None:
    """Draw one stacked histogram, cut-off answers on top; the last bin includes everything longer than the axis."""
    below = np.zeros(len(edges) - 1)
    for kind, lengths_of_kind in tokens.items():
        top = below + np.histogram(np.minimum(lengths_of_kind, edges[-1]), edges)[0]
        shape = {"fill": True, "linewidth": 0} if kind == "stopped" else {"hatch": "////", "edgecolor": colour}
        axes.stairs(top, edges, baseline=below, color=colour, alpha=0.45, **shape)
        below = top
    axes.set_yticks([])
    axes.set_xlim(0, edges[-1] * 1.01)
    axes.spines["bottom"].set(visible=True, color=FAINT)


def name_arms(figure: Any, record: Tested) -> None:
    """Draw the legend of the two arms above the panels."""
    lines = [Line2D([], [], color=colour, linewidth=2.5) for colour in ARMS]
    figure.legend(lines, record.arms, loc="outside upper left", ncols=2, frameon=False, fontsize=9.5, labelcolor=INK)
