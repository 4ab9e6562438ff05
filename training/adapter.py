"""Dataset and base, both pinned -> a trained adapter in a folder, and its record. Straight down: load, check, train, check, write."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from titlecraft.errors import UserError
from titlecraft.models.adapter.weights import require_finite
from titlecraft.models.base.tokenizer import as_published
from titlecraft.process import distributed
from titlecraft.process.threads import steady_threads
from titlecraft.prompt import PromptFormat
from titlecraft.records import Examples as ExamplesSeen
from titlecraft.records import Pin, TrainingRecord, describe_file
from titlecraft.settings import Recipe
from training.checkpoints.folder import newest
from training.checkpoints.saving import Saving, save_adapter
from training.data.examples import Encoded, encode_split, encoding_key, wait_until_encoded
from training.data.inputs import load_train_split
from training.effect import draw_rows, encode_held_out, measure_effect, say_effect
from training.lost_settings import lost, require_learning
from training.model.build import longest_example, remove_kernels
from training.out_of_memory import within_memory
from training.planning.known_base import inspect_base
from training.planning.steps import count_steps
from training.prepare import Prepared, prepare

FIX = "train again with --fresh and a lower --training.learning_rate, or another --training.precision"
ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")


def encode(data: Pin, base: Pin, prompt: PromptFormat, recipe: Recipe) -> Encoded:
    """The training split at its pin, in tokens of the base, and a few rows of the validation split, drawn by the training's seed.

    It may fork: call it before CUDA starts. Raises UserError.
    """
    known = inspect_base(base, recipe)
    split = load_train_split(data)
    longest, tokenizer = longest_example(recipe.base, known.config), known.tokenizer
    if distributed.local_rank():
        wait_until_encoded(split, encoding_key(split, data, base, prompt, longest))
    examples = encode_split(split, tokenizer, prompt, longest, dataset=data, base=base)
    held_out = encode_held_out(draw_rows(data, recipe.training.seed), tokenizer, prompt, longest)
    return Encoded(split, known.config, longest, examples, held_out, known.quantization)


def fit_memory(recipe: Recipe, encoded: Encoded) -> tuple[Recipe, str | None]:
    """The recipe with the batch and checkpointing that this GPU's memory holds, where it asks for that; says what was chosen."""
    from training.planning.fit import fit_here

    base = replace(recipe.base, max_length=encoded.longest, quantization=encoded.quantization)
    length = encoded.widest(recipe.training.packing)
    training, note = fit_here(encoded.config, recipe.lora, recipe.training, base, length)
    if note:
        print(note)
    return replace(recipe, training=training), note


def train_adapter(
    data: Pin,
    base: Pin,
    prompt: PromptFormat,
    recipe: Recipe,
    folder: Path,
    saving: Saving,
    auto_batch: bool,
    given: Collection[str] = (),
    *,
    callbacks: Sequence[Any] = (),
    country: str | None = None,
    **inputs: Any,
) -> TrainingRecord | None:
    """Train, and leave adapter, tokenizer, log and plot in `folder`; returns the record. Raises UserError.

    It goes on from the newest checkpoint of this run, if there is one. A GPU whose memory is full is told about in one
    message or, with `auto_batch`, the same step is cut smaller. Where several processes train together, all but the first
    write nothing and return None.

    Args:
        given: dotted names of the settings that a recipe or an option gave.
        callbacks: further ones for the trainer, to watch it.
        country: measure the energy, for this country's grid; None does not.
    """
    encoded = encode(data, base, prompt, recipe)
    distributed.use_own_gpu()

    def attempt(recipe: Recipe, note: str | None) -> TrainingRecord | None:
        ready = prepare(encoded, base, prompt, recipe, note)
        say_lost(recipe, ready, encoded, given)
        begin = newest(saving.folder)
        going_on = replace(saving, resume=begin[0] if begin else None)
        return train_prepared(ready, folder, going_on, callbacks, country, dataset=data, base=base, **inputs)

    return within_memory(attempt, *distributed.broadcast_from_rank0(fit_memory(recipe, encoded)), encoded, auto_batch)


def say_lost(recipe: Recipe, ready: Prepared, encoded: Encoded, given: Collection[str]) -> None:
    """Print the settings that are not used as they stand. Raises UserError where the run would learn nothing."""
    devices = distributed.world_size()
    whole = replace(recipe.training, batch_size=recipe.training.batch_size * devices)
    items = len(ready.dataset)
    steps = count_steps(items, whole).count
    require_learning(recipe.training, steps)
    for line in lost(recipe.training, recipe.base, encoded.config, given, items=items, steps=steps, devices=devices):
        print(f"note: {line}")


def require_trained(file: Path) -> None:
    """Raises UserError where saved tensors are not finite, or no step has changed them: each update has a factor that begins at 0."""
    found = require_finite(file, "nothing was published", FIX)
    factors = [one for one in found if "lora_B" in one.name]
    if not factors:
        raise UserError(f"{file.name} holds no LoRA tensors; nothing was published")
    if all(one.zero for one in factors):
        raise UserError(
            f"{file.name} is as it was before the first step, every lora_B is zero: no step changed a weight, so there is nothing "
            "to publish; set more --training.max_steps than --training.warmup_steps, or a higher --training.learning_rate"
        )


def train_prepared(
    ready: Prepared, folder: Path, saving: Saving, callbacks: Sequence[Any], country: str | None, **inputs: Any
) -> TrainingRecord | None:
    """All steps, the checks after them, and the files in `folder`; returns the record, or None as `train_adapter` does."""
    from training import checks
    from training.model.own_loss import check_own_loss
    from training.record import LOG, losses, plot_loss, write_log
    from training.trainer import OPTIMIZER, make_trainer, run_all_steps
    from training.watching.energy import metered
    from training.watching.progress import padding_share

    recipe, model, tokenizer = ready.recipe, ready.model, ready.loaded.tokenizer
    trainer = make_trainer(
        model, tokenizer, ready.dataset, recipe.training, ready.loaded.precision, folder.parent / "unfinished", saving
    )
    for callback in callbacks:
        trainer.add_callback(callback)
    ready.checks.extend(check_own_loss(trainer, ready.yardstick, recipe.training, inputs["base"]))
    ready.checks.extend(checks.require(checks.check_accumulation(trainer)))
    with metered(country) as energy, steady_threads(model):
        run_all_steps(trainer)
    cost = trainer.so_far.cost(energy)
    after = checks.require(checks.check_adapter(model, ready.probe, ready.base_logits))
    with steady_threads(model):
        effect = measure_effect(model, ready.held_out, any(one.name == checks.CHANGES for one in after))
    say_effect(effect)
    distributed.destroy_process_group()
    if not distributed.is_rank0():
        return None
    remove_kernels(model)
    save_adapter(model, folder)
    require_trained(folder / ADAPTER_FILES[0])
    template_note = as_published(tokenizer)
    if template_note:
        print(template_note)
    tokenizer.save_pretrained(folder)
    lines = write_log(trainer.state.log_history, folder / LOG)
    plot_loss(lines, folder / "assets" / "training_loss.png")
    examples, seen = ready.examples, trainer.seen
    return TrainingRecord(
        **inputs,
        **ready.facts,
        base_settings=recipe.base,
        lora=recipe.lora,
        training=recipe.training,
        generation=recipe.generation,
        precision=ready.loaded.precision,
        quantization=ready.loaded.quantization,
        quantization_note=ready.loaded.quantization_note,
        template_note=template_note,
        special_tokens={name: getattr(tokenizer, f"{name}_token") for name in ("bos", "eos", "pad")},
        steps=trainer.state.global_step,
        epochs=round(seen["examples"] / len(examples.dataset), 4),
        examples=ExamplesSeen(
            available=len(examples.dataset),
            seen=seen["examples"],
            distinct_seen=min(seen["examples"], len(examples.dataset)),  # the sampler draws without replacement
            tokens_seen=seen["tokens"],
            completion_tokens_seen=seen["completion_tokens"],
            truncated=examples.truncated,
            left_out=examples.left_out,
            padding_share=padding_share(seen),
        ),
        loss=losses(lines),
        checks=ready.checks + after,
        files=[describe_file(folder, folder / name) for name in ADAPTER_FILES],
        measured=cost,
        skipped_steps=trainer.health.skipped,
        optimizer=OPTIMIZER,
        effect=effect,
    )
