"""Progress of a running training: a bar with loss, tokens per second, padding, peak memory and the remaining time."""

import time
from typing import Any

import torch
from tqdm import tqdm
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from titlecraft.process.machine import peak_memory


class Pace:
    """Tokens per second since the first batch of this process; a resumed run has seen other tokens before it."""

    def __init__(self) -> None:
        self.start: tuple[float, int] | None = None

    def begin(self, tokens: int | torch.Tensor) -> None:
        """Start the clock at the first call, with the tokens seen before it. Later calls are no-ops."""
        if self.start is None:
            self.start = (time.perf_counter(), int(tokens))

    def rate(self, tokens: int) -> float:
        """Tokens per second, given the tokens seen until now."""
        started, tokens_before = self.start or (time.perf_counter(), 0)
        return (tokens - tokens_before) / max(1e-9, time.perf_counter() - started)


class ProgressBar(TrainerCallback):
    """One bar over the optimizer steps, on rank 0. It also makes the trainer log the last step."""

    bar: tqdm | None = None

    def __init__(self) -> None:
        self.figures: dict[str, str] = {}

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Open the bar."""
        self.bar = tqdm(
            total=state.max_steps,
            initial=state.global_step,
            desc="training",
            unit="step",
            disable=not state.is_world_process_zero,
        )

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        """Show the logged figures."""
        if self.bar is not None and logs and ("loss" in logs or "eval_loss" in logs):
            self.figures |= shown(logs) if "loss" in logs else {"validation": f"{float(logs['eval_loss']):.3f}"}
            self.bar.set_postfix(self.figures)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Advance the bar."""
        if self.bar is not None and not self.bar.disable:
            self.bar.update(state.global_step - self.bar.n)
        if state.global_step == state.max_steps:  # whatever logging_steps is
            control.should_log = True

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Close the bar."""
        self.close()

    def close(self) -> None:
        """End the bar's line in the terminal; no-op if it is closed."""
        if self.bar is not None:
            self.bar.close()


def padding_share(seen: dict[str, int]) -> float:
    """Share of the computed tokens that were padding; 0 if nothing was computed."""
    return round(1 - seen["tokens"] / seen["computed"], 4) if seen["computed"] else 0.0


def peak_memory_gb() -> tuple[float | None, float]:
    """Peak memory in GB (10**9 bytes): of this process's GPU, None without one, and of the process."""
    gpu = round(torch.cuda.max_memory_allocated() / 1e9, 2) if torch.cuda.is_available() else None
    return gpu, round(peak_memory() / 1e9, 2)


def figures(seen: dict[str, int], rate: float) -> dict[str, float]:
    """Figures that are added to each log line. The rate and the memory are shown, but not written to training_log.jsonl."""
    gpu, process = peak_memory_gb()
    return {
        "examples_seen": seen["examples"],
        "tokens_seen": seen["tokens"],
        "padding_share": padding_share(seen),
        "tokens_per_second": round(rate, 1),
        "peak_memory_gb": process if gpu is None else gpu,
    }


def shown(logs: dict[str, float]) -> dict[str, str]:
    """The figures at the end of the bar, formatted."""
    return {
        "loss": f"{float(logs['loss']):.3f}",
        "tokens/s": f"{logs['tokens_per_second']:,.0f}",
        "padding": f"{logs['padding_share']:.0%}",
        "peak": f"{logs['peak_memory_gb']:.1f} GB",
    }
