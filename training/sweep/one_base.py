"""Trains one adapter after another on one loaded base, each as `titlecraft train` does."""

import gc
import shutil
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from titlecraft.models.base.model import LoadedBase
from titlecraft.models.layers import causal_of
from titlecraft.process.threads import steady_threads
from titlecraft.settings import Recipe
from training import checks
from training.adapter import encode, fit_memory
from training.checkpoints.folder import Run, by_step, newest
from training.checkpoints.saving import Saving
from training.data.validation_rows import Pair
from training.job import Job
from training.model.build import load_for_training
from training.model.kernels import remove_kernels
from training.model.own_loss import check_own_loss
from training.prepare import Prepared, prepare
from training.sweep.record import Judged
from training.trainer import CountingTrainer, make_trainer, run_all_steps
from training.validation.score import Scorer


class ScoreAndStop(TrainerCallback):
    """Scores the validation rows after a given step and stops the training, with a checkpoint unless the run is complete."""

    def __init__(self, trainer: CountingTrainer, scorer: Scorer, step: int) -> None:
        self.trainer, self.scorer, self.step = trainer, scorer, step
        self.losses: list[float] = []

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Score and stop at the given step. Raises UserError if the NLL is not finite."""
        if state.global_step == self.step:
            losses = self.scorer.score_rows()
            self.scorer.mean_of(losses)
            self.losses = losses.tolist()
            control.should_training_stop = True
            control.should_save = state.global_step < state.max_steps


class OneBase:
    """A base that is loaded on first use, and the tokenised rows of the dataset.

    Args:
        job: dataset, base and prompt; sections `base` and `training` of its recipe set how they are loaded.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.encoded = encode(job)
        self.loaded: LoadedBase | None = None
        self.base_logits: torch.Tensor | None = None
        self.scored_alone: dict[str, bool] = {}  # what recipes with these `checks_of` have passed

    @property
    def sample(self) -> list[Pair]:
        """The validation rows, (prompt, answer) token ids, in random order."""
        return self.encoded.held_out

    def base_losses(self) -> list[float]:
        """Summed NLL of each validation row under the base alone, in nats."""
        model, pad = self.load().model, self.load().tokenizer.pad_token_id or 0
        with steady_threads(model):
            return Scorer(model, self.sample, pad).score_rows().tolist()

    def load(self) -> LoadedBase:
        """The base; loads it if it is not in memory."""
        if self.loaded is None:
            recipe = self.job.recipe
            self.loaded = load_for_training(self.job.base, recipe.base, recipe.training, self.job.prompt)
        return self.loaded

    def train_until(self, recipe: Recipe, run: Run, folder: Path, step: int, rows: int) -> Judged:
        """Train a recipe until a step, from its newest checkpoint in `folder`, and score the first rows of the sample.

        `folder` then holds a checkpoint of that step, unless the run is complete. Raises UserError or torch.OutOfMemoryError if
        the run fails; the next run then loads the base again.
        """
        try:
            judged = self.train_on_base(recipe, run, folder, step, rows)
        except BaseException:
            self.loaded = None  # the failed run may have changed it
            raise
        finally:
            if torch.cuda.is_available():  # a trainer is a reference cycle, which keeps its adapter alive
                gc.collect()
                torch.cuda.empty_cache()
        if recipe.lora.init != "default":
            self.loaded = None  # PiSSA and OLoRA change the base's weights
        return judged

    def train_on_base(self, recipe: Recipe, run: Run, folder: Path, step: int, rows: int) -> Judged:
        """Do what `train_until` does; after an error the base is not in a usable state."""
        started, loaded = time.perf_counter(), self.load()
        own_forward = vars(causal_of(loaded.model)).get("forward")
        attention = loaded.model.config._attn_implementation
        checked = self.scored_alone.get(checks_of(recipe)) if recipe.lora.init == "default" else None
        prepared = self.prepare(recipe, loaded, checked is not None)
        for path in by_step(folder):
            if int(path.name.removeprefix("step-")) >= step:
                shutil.rmtree(path)  # the run was killed before its result was stored
        checkpoint = newest(folder)
        saving = Saving(run, folder, every=None, resume=checkpoint[0] if checkpoint else None)
        model, pad = prepared.model, loaded.tokenizer.pad_token_id or 0
        trainer = make_trainer(
            model,
            loaded.tokenizer,
            prepared.dataset,
            prepared.recipe.training,
            loaded.precision,
            folder.parent / "unfinished",
            saving,
        )
        trainer.remove_callback(trainer.bar)
        scorer = Scorer(model, self.sample[:rows], pad, one_at_a_time=bool(checked))
        ending = ScoreAndStop(trainer, scorer, step)
        trainer.add_callback(ending)
        with steady_threads(model):
            if prepared.yardstick:
                check_own_loss(trainer, prepared.yardstick, prepared.recipe.training, self.job.base)
                checks.require(checks.check_accumulation(trainer))
                scorer.check_batching()
                self.scored_alone[checks_of(recipe)] = scorer.one_at_a_time
            run_all_steps(trainer)
        seen, before = int(trainer.seen["tokens"]), trainer.pace.start[1] if trainer.pace.start else 0
        remove_adapter(prepared, own_forward, attention)
        seconds = round(time.perf_counter() - started, 2)
        return Judged(key=run.key, step=step, losses=ending.losses, seconds=seconds, tokens=seen - before)

    def prepare(self, recipe: Recipe, loaded: LoadedBase, checked: bool) -> Prepared:
        """A new adapter of the recipe on the base, after the checks of a training. Raises UserError if a check fails.

        `checked`: a recipe with the same `checks_of` passed before.
        """
        targets = recipe.lora.target_modules or (self.encoded.lora or recipe.lora).target_modules
        recipe = replace(recipe, lora=replace(recipe.lora, target_modules=targets))
        encoded = replace(self.encoded, lora=recipe.lora)
        recipe, note = fit_memory(recipe, encoded)
        prepared = prepare(encoded, self.job.base, self.job.prompt, recipe, note, loaded, checked)
        if recipe.lora.init != "default":  # on a base that was loaded for this run alone
            return prepared
        if self.base_logits is None:
            self.base_logits = prepared.base_logits
        same = torch.equal(self.base_logits, prepared.base_logits)
        checks.require(
            [checks.check("the base gives the same logits in every run of the sweep, bit for bit", True, same)]
        )
        return prepared


def checks_of(recipe: Recipe) -> str:
    """The settings that the checks before the first step depend on; recipes that share them are checked once."""
    training = recipe.training
    return repr((recipe.lora, training.batch_size, training.accumulation))


def remove_adapter(prepared: Prepared, own_forward: Any, attention: str) -> None:
    """Remove adapter and kernels; restores the forward pass and attention that the base was loaded with."""
    model: Any = prepared.model
    base = model.get_base_model()
    remove_kernels(model)
    vars(base).pop("forward", None)
    if own_forward is not None:
        base.forward = own_forward
    if prepared.recipe.training.gradient_checkpointing:
        base.disable_input_require_grads()
    model.unload()
    if base.config._attn_implementation != attention:
        base.set_attn_implementation(attention)
