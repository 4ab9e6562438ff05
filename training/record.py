"""What a run leaves beside the adapter: training_log.jsonl, the plot of the loss, and the run's cost."""

import json
import time
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec

from titlecraft.cards.picture import save_png
from titlecraft.models.base.model import device_name
from titlecraft.process import distributed
from titlecraft.records import Losses, Measured
from training.watching.energy import Energy
from training.watching.progress import peak_memory_gb

SMOOTH_FROM = 100  # log lines, from which the plot shows a moving mean
KEPT = (
    "step",
    "epoch",
    "examples_seen",
    "tokens_seen",
    "loss",
    "eval_loss",
    "learning_rate",
    "grad_norm",
    "mean_token_accuracy",
    "skipped_steps",
)
LOGGED_AS = "eval_loss"  # transformers' name of the validation loss, by which trackers make a group of their own
NAMES = {LOGGED_AS: "validation_loss"}
"""Name in the trainer's history -> name in training_log.jsonl."""


def write_log(history: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """Write one JSON line per logged step and per validation, and return the lines.

    Times are left out, so that equal runs write equal bytes.
    """
    lines = [
        {NAMES.get(key, key): entry[key] for key in KEPT if key in entry and isfinite(entry[key])}
        for entry in history
        if "loss" in entry or LOGGED_AS in entry
    ]
    path.write_text("".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))
    return lines


def losses(lines: list[dict[str, Any]]) -> Losses:
    """Mean of the logged losses over the first and the last tenth of the lines (at least one), in nats per token.

    Lines of validations are left out.
    """
    lines = [line for line in lines if "loss" in line]
    tenth = max(1, len(lines) // 10)
    return Losses(first=mean_loss(lines[:tenth]), last=mean_loss(lines[-tenth:]))


def mean_loss(lines: list[dict[str, Any]]) -> float:
    """Mean of the logged losses, to four decimals."""
    return round(sum(line["loss"] for line in lines) / len(lines), 4)


def measured(started: float, tokens: int, energy: Energy) -> Measured:
    """Time and memory since `started` (of time.perf_counter), and the measured energy."""
    seconds = time.perf_counter() - started
    gpu, process = peak_memory_gb()
    return Measured(
        device=device_name(),
        wall_seconds=round(seconds, 1),
        tokens_per_second=round(tokens / seconds, 1),
        peak_gpu_memory_gb=gpu,
        peak_process_memory_gb=process,
        energy_kwh=energy.kwh,
        energy_of=energy.parts,
        energy_by=energy.by,
        co2_eq_grams=energy.co2_grams,
        country=energy.country,
        devices=distributed.world_size(),
    )


def add_up(earlier: Measured, current: Measured, tokens: int) -> Measured:
    """Cost of an interrupted run: that of its earlier parts plus that of the current one; `tokens` of all parts.

    An interrupted part counts up to its last checkpoint; work after that was lost and is not counted. The energy is unknown,
    because the meter is read at the end of a part.
    """
    seconds = earlier.wall_seconds + current.wall_seconds
    return msgspec.structs.replace(
        current,
        device=current.device if current.device in earlier.device else f"{earlier.device}, then {current.device}",
        wall_seconds=round(seconds, 1),
        tokens_per_second=round(tokens / seconds, 1),
        peak_gpu_memory_gb=larger(earlier.peak_gpu_memory_gb, current.peak_gpu_memory_gb),
        peak_process_memory_gb=larger(earlier.peak_process_memory_gb, current.peak_process_memory_gb),
        **dict.fromkeys(("energy_kwh", "energy_of", "energy_by", "co2_eq_grams", "country")),
        parts=earlier.parts + current.parts,
    )


def larger(first: float | None, second: float | None) -> float | None:
    """The larger of two figures; None if both are unknown."""
    return max((figure for figure in (first, second) if figure is not None), default=None)


def smoothed(values: list[float]) -> list[float]:
    """Centred moving mean over a twentieth of the values; the window is truncated at both ends."""
    half = len(values) // 40
    windows = (values[max(0, index - half) : index + half + 1] for index in range(len(values)))
    return [sum(window) / len(window) for window in windows]


def plot_validation(axes: Any, lines: list[dict[str, Any]], kept: int | None) -> None:
    """Draw the validation losses, and a vertical line at the published step."""
    axes.plot(
        [line["step"] for line in lines],
        [line["validation_loss"] for line in lines],
        color="#c44e52",
        linewidth=1.6,
        marker="o",
        markersize=4,
        label="validation loss",
    )
    if kept is not None:
        axes.axvline(kept, color="#c44e52", linewidth=1, linestyle=":", label=f"published: step {kept:,}")


def plot_loss(lines: list[dict[str, Any]], path: Path, kept: int | None = None) -> None:
    """Plot training loss and learning rate over the optimizer steps; with 100 log lines or more, also a smoothed loss.

    With validation, also its loss, and the step `kept` whose weights are published.
    """
    from matplotlib.figure import Figure

    validations = [line for line in lines if "validation_loss" in line]
    lines = [line for line in lines if "loss" in line]
    smooth = len(lines) >= SMOOTH_FROM
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    steps = [line["step"] for line in lines]
    loss = [line["loss"] for line in lines]
    axes.plot(
        steps,
        loss,
        color="#4c72b0",
        linewidth=0.7 if smooth else 1.6,
        alpha=0.4 if smooth else 1,
        marker="o",
        markersize=3 if len(lines) < 40 else 0,
        label="loss, as logged",
    )
    if smooth:
        axes.plot(
            steps, smoothed(loss), color="#20355a", linewidth=1.8, label=f"mean of {2 * (len(loss) // 40) + 1} of them"
        )
    if validations:
        plot_validation(axes, validations, kept)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel(f"{'' if validations else 'training '}loss,\nnats per answer token", color="#4c72b0")
    axes.grid(axis="y", color="#eeeeee")
    axes.spines[["top"]].set_visible(False)
    rate = axes.twinx()
    rate.plot(
        steps,
        [line["learning_rate"] for line in lines],
        color="#999999",
        linewidth=1,
        linestyle="--",
        label="learning rate",
    )
    rate.set_ylim(bottom=0)
    rate.ticklabel_format(axis="y", style="sci", scilimits=(-2, 2))
    rate.set_ylabel("learning rate", color="#777777")
    rate.spines[["top"]].set_visible(False)
    figure.legend(loc="outside upper right", ncols=5 if validations else 3, frameon=False, fontsize=8)
    save_png(figure, path, dpi=150)
