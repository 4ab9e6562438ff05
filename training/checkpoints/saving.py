"""When a run is saved, and how its trainer writes a checkpoint that is whole."""

import json
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.checkpoints.branch import BackgroundPush
from training.checkpoints.folder import Run, drop_old, seal

ESSENTIAL = ("base_model_name_or_path", "bias", "inference_mode", "lora_alpha", "lora_dropout", "peft_type", "r", "revision",
             "target_modules", "task_type")  # fmt: skip
MINUTES = 10  # between two checkpoints, where no number of steps is asked for
ASK_EVERY = 20  # steps, for processes to agree that it is time


@dataclass(frozen=True)
class Saving:
    """Where and when checkpoints of a run are written.

    Args:
        run: which run it is.
        folder: the checkpoints lie below it.
        every: a checkpoint after so many steps; unset takes one after MINUTES, 0 none.
        push_every: every so many steps there is one too, and it is pushed; unset pushes none.
        push: pushes in the background.
        resume: the checkpoint that this run goes on from.
    """

    run: Run
    folder: Path
    every: int | None = None
    push_every: int | None = None
    push: BackgroundPush | None = None
    resume: Path | None = None


def save_adapter(model: Any, folder: Path) -> None:
    """Write a PeftModel's adapter for publishing: its tensors, and a config that old versions of PEFT read as well."""
    model.save_pretrained(folder, save_embedding_layers=False)  # "auto" asks the Hub how large the newest base's are
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's own card; ours is written last, by one owner
    file = folder / "adapter_config.json"
    file.write_text(json.dumps(essential(json.loads(file.read_bytes())), indent=2, sort_keys=True))


def essential(config: dict[str, Any]) -> dict[str, Any]:
    """The keys of an adapter_config.json that say something: those of ESSENTIAL, and others that are not PEFT's default.

    PEFT reads missing keys as their defaults; a version of before a key existed (0.10 has 22 of today's 45) refuses it.
    """
    from peft import LoraConfig

    defaults = LoraConfig().to_dict()
    silent = lambda key: key not in ESSENTIAL and (config[key] is None or config[key] == defaults.get(key))  # noqa: E731
    return {key: value for key, value in config.items() if not silent(key) and key != "peft_version"}


class WritesWholeCheckpoints:
    """Mixed into a Trainer that has a `saving`: a checkpoint has what is needed to go on, and shows when all of it is there."""

    def _save(self, output_dir: str, state_dict: Any = None) -> None:
        """The adapter alone: the tokenizer does not change. "auto" for the embeddings would ask the Hub at every checkpoint."""
        self.model.save_pretrained(output_dir, save_embedding_layers=False)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        from transformers import Trainer

        written = Path(self.args.output_dir)
        self.so_far.gather()
        try:
            Trainer._save_checkpoint(self, model, trial)  # not TRL's, which adds a model card
            self.accelerator.wait_for_everyone()
            if self.args.should_save:
                step, saving = self.state.global_step, self.saving
                place = seal(written / f"checkpoint-{step}", saving.folder, saving.run, step, self.state.max_steps)
                if saving.push and step % saving.push_every == 0:
                    saving.push.begin(place)
                drop_old(saving.folder, saving.push.in_use() if saving.push else ())
        except Exception as error:
            if not is_about_writing(error):
                raise
            print(f"no checkpoint at step {self.state.global_step} ({error}); training goes on")
            shutil.rmtree(written / f"checkpoint-{self.state.global_step}", ignore_errors=True)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """As transformers does, which for several processes on CPUs asks torch for a device that it cannot read into."""
        import torch

        for name, part in (("optimizer.pt", self.optimizer), ("scheduler.pt", self.lr_scheduler)) if checkpoint else ():
            part.load_state_dict(torch.load(Path(checkpoint) / name, map_location="cpu", weights_only=True))


def is_about_writing(error: Exception) -> bool:
    """Whether a checkpoint failed for a full disk or the like: that must not end what is being computed.

    safetensors says "I/O error: No space left on device", torch only that its file ended at an unexpected place.
    """
    return isinstance(error, OSError) or any(sign in str(error) for sign in ("I/O error", "inline_container"))


def agreed(mine: bool, device: Any) -> bool:
    """Whether any process says so; all of them have to ask."""
    import torch
    from accelerate.utils import reduce

    return bool(reduce(torch.tensor(float(mine), device=device), "sum") > 0)


def save_now(saving: Saving) -> Any:
    """A trainer callback that says when to save: never after the last step, since what follows that is written anyway."""
    from transformers import TrainerCallback

    class SaveNow(TrainerCallback):
        """By steps, or by the clock."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.last = time.monotonic()

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            step = state.global_step
            by_clock = saving.every is None and time.monotonic() - self.last >= 60 * MINUTES
            if args.world_size > 1:  # their clocks differ
                by_clock = step % ASK_EVERY == 0 and agreed(by_clock, args.device)
            by_steps = any(every and step % every == 0 for every in (saving.every, saving.push_every))
            control.should_save = (by_clock or by_steps) and step < state.max_steps

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            self.last = time.monotonic()

    return SaveNow()
