"""One base in memory, and one adapter after another on it: each run is trained as `titlecraft train` trains it."""

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
    """Scores validation rows after a step, then ends the training there, with a checkpoint if it is not the last step."""

    def __init__(self, trainer: CountingTrainer, scorer: Scorer, step: int) -> None:
        self.trainer, self.scorer, self.step = trainer, scorer, step
        self.losses: list[float] = []

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Score and stop if it is the step. Raises UserError if the likelihood is not finite."""
        if state.global_step == self.step:
            losses = self.scorer.score_rows()
            self.scorer.mean_of(losses)
            self.losses = losses.tolist()
            control.should_training_stop = True
            control.should_save = state.global_step < state.max_steps


class OneBase:
    """A base, loaded at the first run, with the tokenised rows of the dataset.

    Args:
        job: the dataset, the base and the prompt; the recipe's sections `base` and `training` say how they are read.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.encoded = encode(job)
        self.loaded: LoadedBase | None = None
        self.base_logits: torch.Tensor | None = None

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
        """The base, which is loaded now if it is not in memory."""
        if self.loaded is None:
            recipe = self.job.recipe
            self.loaded = load_for_training(self.job.base, recipe.base, recipe.training, self.job.prompt)
        return self.loaded

    def train_until(self, recipe: Recipe, run: Run, folder: Path, step: int, rows: int) -> Judged:
        """Train a recipe until a step, from its newest checkpoint in `folder`, and score the first rows of the sample.

        Unless the run is then at its end, `folder` holds a checkpoint of the step. Raises UserError if the run broke, and
        torch.OutOfMemoryError; the base is then loaded again for the next run.
        """
        try:
            judged = self.train_on_base(recipe, run, folder, step, rows)
        except BaseException:
            self.loaded = None  # whatever the broken run left on it
            raise
        finally:
            if torch.cuda.is_available():  # a trainer refers to itself, so that its adapter stays until it is collected
                gc.collect()
                torch.cuda.empty_cache()
        if recipe.lora.init != "default":
            self.loaded = None  # such an adapter takes a part of the base's weights
        return judged

    def train_on_base(self, recipe: Recipe, run: Run, folder: Path, step: int, rows: int) -> Judged:
        """As `train_until`, without its care for the base after an error."""
        started, loaded = time.perf_counter(), self.load()
        own_forward = vars(causal_of(loaded.model)).get("forward")
        attention = loaded.model.config._attn_implementation
        prepared = self.prepare(recipe, loaded)
        for path in by_step(folder):
            if int(path.name.removeprefix("step-")) >= step:
                shutil.rmtree(path)  # of a run that was killed between checkpoint and judgement
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
        check_own_loss(trainer, prepared.yardstick, prepared.recipe.training, self.job.base)
        checks.require(checks.check_accumulation(trainer))
        scorer = Scorer(model, self.sample[:rows], pad)
        ending = ScoreAndStop(trainer, scorer, step)
        trainer.add_callback(ending)
        with steady_threads(model):
            scorer.use_own_scores()
            run_all_steps(trainer)
        seen, before = int(trainer.seen["tokens"]), trainer.pace.start[1] if trainer.pace.start else 0
        take_off(prepared, own_forward, attention)
        seconds = round(time.perf_counter() - started, 2)
        return Judged(key=run.key, step=step, losses=ending.losses, seconds=seconds, tokens=seen - before)

    def prepare(self, recipe: Recipe, loaded: LoadedBase) -> Prepared:
        """The recipe's fresh adapter on the base, after the checks of a training. Raises UserError if one fails."""
        targets = recipe.lora.target_modules or (self.encoded.lora or recipe.lora).target_modules
        recipe = replace(recipe, lora=replace(recipe.lora, target_modules=targets))
        encoded = replace(self.encoded, lora=recipe.lora)
        recipe, note = fit_memory(recipe, encoded)
        prepared = prepare(encoded, self.job.base, self.job.prompt, recipe, note, loaded)
        if recipe.lora.init != "default":  # on a base that was loaded for this run alone
            return prepared
        if self.base_logits is None:
            self.base_logits = prepared.base_logits
        same = torch.equal(self.base_logits, prepared.base_logits)
        checks.require(
            [checks.check("the base gives the same logits in every run of the sweep, bit for bit", True, same)]
        )
        return prepared


def take_off(prepared: Prepared, own_forward: Any, attention: str) -> None:
    """Remove adapter and kernels, so that the base is as it was loaded."""
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
