"""How the trainer saves checkpoints: a trainer that writes complete ones, and a callback that decides when."""

import shutil
import time
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import reduce
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.trainer.sft_trainer import SFTTrainer

from training.checkpoints.folder import drop_old, seal
from training.checkpoints.run_state import RunState
from training.checkpoints.saving import Saving
from training.validation.validator import Validator

MINUTES = 10  # between two checkpoints, if no number of steps is set
SYNC_EVERY = 20  # steps after which the ranks agree whether MINUTES have passed


class CheckpointingTrainer(SFTTrainer):
    """SFTTrainer whose checkpoints hold the adapter and everything that a resumed run needs, and appear by one rename."""

    saving: Saving | None
    run_state: RunState
    validator: Validator | None = None
    model: Any

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Save the adapter without the tokenizer, which does not change; "auto" embeddings would ask the Hub each time."""
        self.model.save_pretrained(output_dir, save_embedding_layers=False)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save, checksum and move a checkpoint into place. A full disk costs the checkpoint and does not end the run."""
        step, saving = self.state.global_step, self.saving
        assert saving is not None, "the trainer was made without `saving`"
        unfinished = Path(str(self.args.output_dir)) / f"checkpoint-{step}"
        self.run_state.gather()
        try:
            Trainer._save_checkpoint(self, model, trial)  # not TRL's, which adds a model card
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                if self.validator:
                    self.validator.write_best(unfinished, step)
                folder = seal(unfinished, saving.folder, saving.run, step, self.state.max_steps)
                if saving.push and saving.push_every and step % saving.push_every == 0:
                    saving.push.begin(folder)
                drop_old(saving.folder, saving.push.in_use() if saving.push else ())
        except Exception as error:
            if not is_write_error(error):
                raise
            print(f"no checkpoint at step {step} ({error}); training continues")
            shutil.rmtree(unfinished, ignore_errors=True)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Load both on the CPU. With several CPU processes, transformers passes torch.load a device that it cannot map to."""
        if checkpoint is None:
            return
        parts: list[tuple[str, Any]] = [("optimizer.pt", self.optimizer), ("scheduler.pt", self.lr_scheduler)]
        for name, part in parts:
            part.load_state_dict(torch.load(Path(checkpoint) / name, map_location="cpu", weights_only=True))


class SaveNow(TrainerCallback):
    """Saves a checkpoint by steps or by the clock, but not after the last step: the adapter itself is written then.

    It follows the validator among the callbacks, which may make a step the last one.
    """

    def __init__(self, saving: Saving) -> None:
        self.saving = saving
        self.last_save = time.monotonic()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Start the clock."""
        self.last_save = time.monotonic()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Ask the trainer to save if it is time."""
        step, saving = state.global_step, self.saving
        by_clock = saving.every is None and time.monotonic() - self.last_save >= 60 * MINUTES
        if args.world_size > 1:  # their clocks differ
            by_clock = step % SYNC_EVERY == 0 and any_rank(by_clock, args.device)
        by_steps = any(every and step % every == 0 for every in (saving.every, saving.push_every))
        control.should_save = (by_clock or by_steps) and not control.should_training_stop

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Restart the clock."""
        self.last_save = time.monotonic()


def is_write_error(error: Exception) -> bool:
    """Whether the error comes from writing a file, such as a full disk.

    safetensors raises its own class with "I/O error: No space left on device"; torch.save's message names its file writer.
    """
    return isinstance(error, OSError) or any(sign in str(error) for sign in ("I/O error", "inline_container"))


def any_rank(value: bool, device: torch.device | str) -> bool:
    """Whether `value` is true on at least one rank. Every rank has to call it."""
    total: Any = reduce(torch.tensor(float(value), device=device), "sum")
    return bool(total > 0)
