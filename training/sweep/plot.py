"""The plot of a sweep: validation NLL of every recipe over the share of its run; the best one is drawn thick."""

from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from training.sweep.record import SweepRecord, nll
from training.sweep.show import in_words

LABELLED = 12  # recipes with a line in the legend


def draw(record: SweepRecord, path: Path) -> None:
    """Write the plot as PNG or SVG, by the file's name; the same record gives the same bytes."""
    figure = Figure(figsize=(8, 4), layout="constrained")
    axes = figure.subplots()
    shares = [rung.share for rung in record.rungs]
    best = record.run(record.best)
    others = sorted(
        (run for run in record.runs if run.number != record.best and run.judged), key=lambda run: -len(run.judged)
    )
    for run in others:
        losses = [nll(judged.losses, record.tokens) for judged in run.judged]
        label = f"{run.number}: {in_words(run.settings)}" if len(others) < LABELLED else None
        axes.plot(shares[: len(losses)], losses, linewidth=1, marker="o", markersize=3, alpha=0.7, label=label)
    losses = [nll(judged.losses, record.tokens) for judged in best.judged]
    axes.plot(
        shares,
        losses,
        color="#c44e52",
        linewidth=2.4,
        marker="o",
        markersize=5,
        label=f"best, {best.number}: {in_words(best.settings)}",
    )
    axes.axhline(
        nll(record.base_losses, record.tokens), color="#999999", linewidth=1, linestyle="--", label="the base alone"
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(shares, [f"{100 * share:.4g} %" for share in shares])
    axes.set_xlabel("share of the run")
    axes.set_ylabel("validation loss,\nnats per answer token")
    axes.grid(axis="y", color="#eeeeee")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", frameon=False, fontsize=7)
    with rc_context({"svg.hashsalt": "titlecraft", "svg.fonttype": "none"}):
        figure.savefig(path, dpi=150, metadata={"Software": None} if path.suffix == ".png" else {"Date": None})
