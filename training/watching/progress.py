"""What a running training shows: a bar with loss, tokens a second, padding, peak memory and the time that is left."""

import time
from typing import Any

from titlecraft.process.machine import peak_memory


class Pace:
    """How fast it goes, since the first batch of this process (a resumed run has seen others before)."""

    def __init__(self) -> None:
        self.began: tuple[float, int] | None = None

    def begin(self, tokens: int) -> None:
        """Call it before each batch with the tokens seen so far; only the first call counts."""
        if self.began is None:
            self.began = (time.perf_counter(), int(tokens))

    def rate(self, tokens: int) -> float:
        """Tokens a second."""
        started, before = self.began or (time.perf_counter(), 0)
        return (tokens - before) / max(1e-9, time.perf_counter() - started)


def padding_share(seen: dict[str, int]) -> float:
    """Share of the computed tokens that were padding; 0 where nothing has been computed."""
    return round(1 - seen["tokens"] / seen["computed"], 4) if seen["computed"] else 0.0


def peak_memory_gb() -> tuple[float | None, float]:
    """Most memory so far in GB of 10**9: of this process's GPU (None without one), and of the process itself."""
    import torch

    gpu = round(torch.cuda.max_memory_allocated() / 1e9, 2) if torch.cuda.is_available() else None
    return gpu, round(peak_memory() / 1e9, 2)


def figures(seen: dict[str, int], rate: float) -> dict[str, float]:
    """What goes into each line of the log; those with a clock in them are shown, and not written down."""
    gpu, process = peak_memory_gb()
    return {
        "examples_seen": seen["examples"],
        "tokens_seen": seen["tokens"],
        "padding_share": padding_share(seen),
        "tokens_per_second": round(rate, 1),
        "peak_memory_gb": process if gpu is None else gpu,
    }


def shown(logs: dict[str, float]) -> dict[str, str]:
    """The figures at the end of the bar, in words."""
    return {
        "loss": f"{float(logs['loss']):.3f}",
        "tokens/s": f"{logs['tokens_per_second']:,.0f}",
        "padding": f"{logs['padding_share']:.0%}",
        "peak": f"{logs['peak_memory_gb']:.1f} GB",
    }


def progress_bar() -> Any:
    """A trainer callback: one bar over the optimizer steps, in the first process; the last step is always logged."""
    from tqdm import tqdm
    from transformers import TrainerCallback

    class ProgressBar(TrainerCallback):
        """Shows how far training is."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            first = state.is_world_process_zero
            self.bar = tqdm(
                total=state.max_steps, initial=state.global_step, desc="training", unit="step", disable=not first
            )

        def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float], **kwargs: Any) -> None:
            if "loss" in logs:
                self.bar.set_postfix(shown(logs))

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.bar.update(state.global_step - self.bar.n if not self.bar.disable else 0)
            if state.global_step == state.max_steps:  # whatever logging_steps is
                control.should_log = True

        def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.close()

        def close(self) -> None:
            """End the line of the bar; a second time it does nothing."""
            if hasattr(self, "bar"):
                self.bar.close()

    return ProgressBar()
