"""What a checkpoint of transformers' Trainer lacks for a run that goes on as if nothing had happened.

Counts of what was seen, the clock, and what has been added up since the last line of the log.
"""

import time
from typing import Any

import msgspec

from titlecraft.records import Measured
from training.record import add_up, measured
from training.watching.energy import Energy


def run_so_far(trainer: Any) -> Any:
    """A trainer callback that goes into every checkpoint and, at the start of a run that is resumed, back into the trainer.

    Its `cost(energy)` is that of all parts of the run until now, with what the meter says of this one. Before a checkpoint all
    processes call `gather`.
    """
    from transformers import TrainerCallback
    from transformers.trainer_callback import ExportableState

    class RunSoFar(TrainerCallback, ExportableState):
        """Transformers stores what `state` returns in trainer_state.json, under the name of this class."""

        def __init__(self) -> None:
            self.started, self.earlier = time.perf_counter(), None
            self.seen, self.loss = {}, 0.0

        def gather(self) -> None:
            self.seen = trainer.seen_by_all()
            self.loss = float(trainer.accelerator.reduce(trainer._tr_loss.detach().clone(), "mean"))

        def cost(self, energy: Energy) -> Measured:
            now = measured(self.started, int(trainer.seen["tokens"]), energy)
            return add_up(self.earlier, now, int(trainer.seen["tokens"])) if self.earlier else now

        def state(self) -> dict[str, Any]:
            if not hasattr(trainer, "_tr_loss"):  # before the first step
                return {}
            return {
                "seen": self.seen,
                "loss": self.loss,  # float32 in a float64: nothing is lost in JSON
                "logged": trainer._globalstep_last_logged,
                "skipped": trainer.health.skipped,
                "averages": {name: list(values) for name, values in trainer._metrics["train"].items()},
                "tokens": trainer._total_train_tokens,
                "measured": msgspec.to_builtins(self.cost(Energy())),
            }

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.started = time.perf_counter()
            saved = state.stateful_callbacks.get("RunSoFar") if state.global_step else None
            if not saved:
                return
            if trainer.is_world_process_zero():  # counts are of all processes, and are added up again
                trainer.seen.update(saved["seen"])
            trainer._tr_loss += saved["loss"]
            trainer._globalstep_last_logged = saved["logged"]
            trainer.health.skipped = saved["skipped"]
            trainer._metrics["train"].update(saved["averages"])
            trainer._total_train_tokens = saved["tokens"]
            self.earlier = msgspec.convert(saved["measured"], Measured)

    return RunSoFar()
