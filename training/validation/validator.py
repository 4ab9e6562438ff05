"""Validation during training: scores the sample, keeps the best weights, and stops early."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_callback import ExportableState

from titlecraft.settings import Training
from training.data.validation_rows import Pair
from training.planning.validation_schedule import Schedule
from training.record import LOGGED_AS
from training.validation.best_weights import BestWeights
from training.validation.score import Scorer


@dataclass(frozen=True)
class Sample:
    """Validation rows as (prompt, answer) token ids, and the steps at which they are scored."""

    pairs: list[Pair]
    schedule: Schedule


@dataclass(frozen=True)
class Point:
    """One validation: step, epochs and examples so far, and the NLL in nats per answer token."""

    step: int
    epoch: float
    examples: int
    loss: float


class Validator(TrainerCallback, ExportableState):
    """Scores the sample before the first step and at the steps of the schedule.

    The best step is the earliest one with the lowest loss; step 0 does not count, because the adapter has no effect there. Every
    checkpoint holds this state and the best weights, so an interrupted run gives the same result.
    """

    def __init__(self, trainer: Any, sample: Sample, settings: Training, pad_token_id: int) -> None:
        self.trainer, self.schedule, self.settings = trainer, sample.schedule, settings
        self.scorer = Scorer(
            trainer.model,
            sample.pairs,
            pad_token_id,
            one_at_a_time=settings.backend == "unsloth",  # its kernels read no mask of a padded batch
            sharded=settings.shard_base,
        )
        self.points: list[Point] = []
        self.best: Point | None = None
        self.waited = 0  # validations since the best one
        self.stopped = False
        self.seconds = 0.0
        self.weights = BestWeights(trainer.model)

    def state(self) -> dict[str, Any]:
        """What a checkpoint stores."""
        return {
            "points": [vars(point) for point in self.points],
            "best": None if self.best is None else self.best.step,
            "waited": self.waited,
            "seconds": self.seconds,
            "one_at_a_time": self.scorer.one_at_a_time,
        }

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Restore the state from the checkpoint of a resumed run."""
        saved = state.stateful_callbacks.get(type(self).__name__) if state.global_step else None
        if not saved:
            return
        self.points = [Point(**point) for point in saved["points"]]
        self.best = next((point for point in self.points if point.step == saved["best"]), None)
        self.waited, self.seconds = saved["waited"], saved["seconds"]
        self.scorer.one_at_a_time = saved["one_at_a_time"]
        if self.best is not None and self.settings.keep == "best":
            self.weights.read(Path(self.trainer.saving.resume))

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Validate before the first step; the trackers are open by then."""
        if state.global_step == 0 and not self.points:
            self.scorer.check_batching()
            self.validate(state, control)

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Validate if the schedule says so, keep the best weights, and stop the run when patience is exhausted."""
        if not self.schedule.is_due(state.global_step):
            return
        point = self.validate(state, control)
        if self.best is None or point.loss < self.best.loss:
            self.best, self.waited = point, 0
            if self.settings.keep == "best":
                self.weights.take()
        else:
            self.waited += 1
        if self.settings.patience is not None and self.waited >= self.settings.patience:
            self.stopped = state.global_step < state.max_steps
            control.should_training_stop = control.should_log = True

    def validate(self, state: Any, control: Any) -> Point:
        """Score the sample and log the loss."""
        trainer, started = self.trainer, time.perf_counter()
        loss = self.scorer.score(trainer.accelerator)
        self.seconds += time.perf_counter() - started
        examples = trainer.seen_by_all()["examples"]
        point = Point(state.global_step, round(float(state.epoch or 0.0), 4), examples, loss)
        self.points.append(point)
        should_log = control.should_log  # log() resets it before the training loss of this step is logged
        training = trainer.model.training
        trainer.model.eval()  # in eval mode TRL does not log its averages over training batches
        trainer.log({LOGGED_AS: loss, "examples_seen": examples})
        trainer.model.train(training)
        control.should_log = should_log
        return point

    def write_best(self, folder: Path, step: int) -> None:
        """Write the best weights into the checkpoint of a step. No-op if this step is the best one."""
        if self.settings.keep == "best" and self.best is not None and self.best.step != step:
            self.weights.write(folder)

    def kept(self) -> Point:
        """The validation at the step whose weights are published."""
        return self.best if self.best is not None and self.settings.keep == "best" else self.points[-1]

    def restore_kept_weights(self) -> None:
        """Copy the weights of the published step into the model."""
        if self.kept().step != self.points[-1].step:
            self.weights.put_back()
