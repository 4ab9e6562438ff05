"""State of a run that the checkpoints of transformers' Trainer lack: counts, the clock, and sums since the last log line."""

import time
from typing import Any

import msgspec
from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from titlecraft.records import Measured
from training.record import add_up, measured
from training.watching.energy import Energy


class RunState(TrainerCallback, ExportableState):
    """Saves its state in every checkpoint, and restores it into the trainer when a run is resumed.

    Transformers stores what `state` returns in trainer_state.json, under the name of this class.
    """

    def __init__(self, trainer: Any) -> None:
        self.trainer = trainer
        self.started = time.perf_counter()
        self.earlier: Measured | None = None
        self.seen: dict[str, int] = {}
        self.loss = 0.0

    def gather(self) -> None:
        """Sum the counts and average the loss over all ranks. Every rank has to call it before a checkpoint."""
        self.seen = self.trainer.seen_by_all()
        self.loss = float(self.trainer.accelerator.reduce(self.trainer._tr_loss.detach().clone(), "mean"))

    def cost(self, energy: Energy) -> Measured:
        """Time, memory and energy of the run so far, all of its parts together."""
        tokens = int(self.trainer.seen["tokens"])
        current = measured(self.started, tokens, energy)
        return add_up(self.earlier, current, tokens) if self.earlier else current

    def state(self) -> dict[str, Any]:
        """What a checkpoint stores."""
        trainer = self.trainer
        if not hasattr(trainer, "_tr_loss"):  # before the first step
            return {}
        return {
            "seen": self.seen,
            "loss": self.loss,  # a float32 value as float64: JSON keeps it exactly
            "logged": trainer._globalstep_last_logged,
            "skipped": trainer.health.skipped,
            "averages": {name: list(values) for name, values in trainer._metrics["train"].items()},
            "tokens": trainer._total_train_tokens,
            "measured": msgspec.to_builtins(self.cost(Energy())),
        }

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock; in a resumed run, restore what the checkpoint stored."""
        self.started = time.perf_counter()
        saved = state.stateful_callbacks.get(type(self).__name__) if state.global_step else None
        if not saved:
            return
        trainer = self.trainer
        if trainer.is_world_process_zero():  # the stored counts are sums over all ranks
            trainer.seen.update(saved["seen"])
        trainer._tr_loss += saved["loss"]
        trainer._globalstep_last_logged = saved["logged"]
        trainer.health.skipped = saved["skipped"]
        trainer._metrics["train"].update(saved["averages"])
        trainer._total_train_tokens = saved["tokens"]
        self.earlier = msgspec.convert(saved["measured"], Measured)
