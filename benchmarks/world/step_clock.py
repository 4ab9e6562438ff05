"""Times the steps of a training, and computes rates."""

import time
from statistics import median
from typing import Any


class StepClock:
    """A trainer callback that records the time at the end of each step, and the rows and tokens until then."""

    def __init__(self, seen: dict[str, Any]) -> None:
        from transformers import TrainerCallback

        clock = self
        self.ends: list[tuple[float, int, int]] = []

        class Ends(TrainerCallback):
            """Waits for the GPU, then records the time."""

            def on_step_end(self, *args: Any, **kwargs: Any) -> None:
                import torch

                if torch.cuda.is_available():
                    torch.cuda.synchronize()
                clock.ends.append((time.perf_counter(), int(seen["examples"]), int(seen["tokens"])))

        self.callback = Ends()

    def rates(self) -> dict[str, float]:
        """Return rates over the steps after the first quarter, and the median step."""
        first = max(3, len(self.ends) // 4)
        steps = [
            (after[0] - before[0], after[1] - before[1], after[2] - before[2])
            for before, after in zip(self.ends[first - 1 :], self.ends[first:], strict=False)
        ]
        seconds = sum(step[0] for step in steps)
        return {
            "step_seconds": round(median(step[0] for step in steps), 4),
            "rows_per_second": round(sum(step[1] for step in steps) / seconds, 3),
            "tokens_per_second": round(sum(step[2] for step in steps) / seconds, 1),
            "steps": len(steps),
        }
