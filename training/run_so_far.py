"""What a checkpoint of transformers' Trainer lacks for a run that goes on as if nothing had happened.

Counts of what was seen, the clock, and what has been added up since the last line of the log.
"""

import time
from typing import Any

import msgspec

from titlecraft.records import Measured
from training.record import add_up, measured


def run_so_far(trainer: Any) -> Any:
    """A trainer callback that goes into every checkpoint and, at the start of a run that is resumed, back into the trainer.

    Its `cost()` is that of all parts of the run until now.
    """
    from transformers import TrainerCallback
    from transformers.trainer_callback import ExportableState

    class RunSoFar(TrainerCallback, ExportableState):
        """Transformers stores what `state` returns in trainer_state.json, under the name of this class."""

        def __init__(self) -> None:
            self.started, self.earlier = time.perf_counter(), None

        def cost(self) -> Measured:
            now = measured(self.started, int(trainer.seen["tokens"]))
            return add_up(self.earlier, now, int(trainer.seen["tokens"])) if self.earlier else now

        def state(self) -> dict[str, Any]:
            if not hasattr(trainer, "_tr_loss"):  # before the first step
                return {}
            return {
                "seen": {name: int(count) for name, count in trainer.seen.items()},
                "loss": float(trainer._tr_loss),  # float32 in a float64: nothing is lost in JSON
                "logged": trainer._globalstep_last_logged,
                "averages": {name: list(values) for name, values in trainer._metrics["train"].items()},
                "tokens": trainer._total_train_tokens,
                "measured": msgspec.to_builtins(self.cost()),
            }

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.started = time.perf_counter()
            saved = state.stateful_callbacks.get("RunSoFar") if state.global_step else None
            if not saved:
                return
            trainer.seen.update(saved["seen"])
            trainer._tr_loss += saved["loss"]
            trainer._globalstep_last_logged = saved["logged"]
            trainer._metrics["train"].update(saved["averages"])
            trainer._total_train_tokens = saved["tokens"]
            self.earlier = msgspec.convert(saved["measured"], Measured)

    return RunSoFar()
