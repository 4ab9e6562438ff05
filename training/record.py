"""training_record.json and training_log.jsonl: what the run was given, what it saw, and what it cost."""

import json
import resource
import time
from pathlib import Path
from typing import Any

from titlecraft.base_model import device_name
from titlecraft.records import Losses, Measured

LOG = "training_log.jsonl"
KEPT = ("step", "epoch", "loss", "learning_rate", "grad_norm", "mean_token_accuracy")


def write_log(history: list[dict[str, Any]], path: Path) -> list[dict[str, Any]]:
    """One line for each logged step; clock times stay out, so that the same run gives the same bytes."""
    lines = [{key: entry[key] for key in KEPT if key in entry} for entry in history if "loss" in entry]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines


def losses(lines: list[dict[str, Any]]) -> Losses:
    """Mean of the logged losses over the first and the last tenth of the lines (at least one), in nats per token."""
    tenth = max(1, len(lines) // 10)
    mean = lambda part: round(sum(line["loss"] for line in part) / len(part), 4)  # noqa: E731
    return Losses(first=mean(lines[:tenth]), last=mean(lines[-tenth:]))


def measured(started: float, tokens: int) -> Measured:
    """Clock and memory since `started` (of time.perf_counter); energy is not measured yet."""
    import torch

    seconds = time.perf_counter() - started
    gpu = round(torch.cuda.max_memory_allocated() / 1e9, 2) if torch.cuda.is_available() else None
    return Measured(
        device=device_name(),
        wall_seconds=round(seconds, 1),
        tokens_per_second=round(tokens / seconds, 1),
        peak_gpu_memory_gb=gpu,
        peak_process_memory_gb=round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        energy_kwh=None,
    )


def add_up(earlier: Measured, now: Measured, tokens: int) -> Measured:
    """Cost of a run in several parts that trained on so many tokens together.

    A part counts until the checkpoint that the next went on from: what was computed after it and lost is not known.
    """
    seconds = earlier.wall_seconds + now.wall_seconds
    energies = (earlier.energy_kwh, now.energy_kwh)
    return Measured(
        device=now.device if now.device in earlier.device else f"{earlier.device}, then {now.device}",
        wall_seconds=round(seconds, 1),
        tokens_per_second=round(tokens / seconds, 1),
        peak_gpu_memory_gb=larger(earlier.peak_gpu_memory_gb, now.peak_gpu_memory_gb),
        peak_process_memory_gb=larger(earlier.peak_process_memory_gb, now.peak_process_memory_gb),
        energy_kwh=None if None in energies else sum(energies),
        parts=earlier.parts + now.parts,
    )


def larger(one: float | None, other: float | None) -> float | None:
    """The larger of two figures, of which the machine may not give each."""
    return max((figure for figure in (one, other) if figure is not None), default=None)


def plot_loss(lines: list[dict[str, Any]], path: Path) -> None:
    """Training loss and learning rate over the optimizer steps."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    axes = figure.subplots()
    steps = [line["step"] for line in lines]
    axes.plot(steps, [line["loss"] for line in lines], color="#4c72b0", linewidth=1.6)
    axes.set_xlabel("optimizer step")
    axes.set_ylabel("training loss, nats per answer token", color="#4c72b0")
    axes.spines[["top"]].set_visible(False)
    rate = axes.twinx()
    rate.plot(steps, [line["learning_rate"] for line in lines], color="#999999", linewidth=1, linestyle="--")
    rate.set_ylabel("learning rate", color="#777777")
    rate.spines[["top"]].set_visible(False)
    figure.savefig(path, dpi=150, metadata={"Software": None})
