"""Dataset and base, both pinned -> a trained adapter in a folder, and its record. Straight down: load, check, train, check, write."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from titlecraft import ranks
from titlecraft.base_tokenizer import as_published
from titlecraft.prompt import PromptFormat
from titlecraft.records import Examples as ExamplesSeen
from titlecraft.records import Pin, TrainingRecord, describe_file
from titlecraft.settings import Recipe
from titlecraft.threads import steady_threads
from training.checkpoints import newest
from training.examples import Encoded, encode_split, encoding_key, wait_until_encoded
from training.inputs import load_train_split
from training.known_base import inspect_base
from training.model import longest_example, slow_down
from training.out_of_memory import within_memory
from training.prepare import Prepared, prepare
from training.saving import Saving, save_adapter

ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")


def encode(data: Pin, base: Pin, prompt: PromptFormat, recipe: Recipe) -> Encoded:
    """The training split at its pin, in tokens of the base. It may fork: call it before CUDA starts. Raises UserError."""
    known = inspect_base(base, recipe)
    split = load_train_split(data)
    longest, tokenizer = longest_example(recipe.base, known.config), known.tokenizer
    if ranks.local_rank():
        wait_until_encoded(split, encoding_key(split, data, base, prompt, longest))
    examples = encode_split(split, tokenizer, prompt, longest, dataset=data, base=base)
    return Encoded(split, known.config, longest, examples, known.quantization)


def fit_memory(recipe: Recipe, encoded: Encoded) -> tuple[Recipe, str | None]:
    """The recipe with the batch and checkpointing that this GPU's memory holds, where it asks for that; says what was chosen."""
    from training.fit import fit_here

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
        callbacks: further ones for the trainer, to watch it.
        country: measure the energy, for this country's grid; None does not.
    """
    encoded = encode(data, base, prompt, recipe)
    ranks.use_own_gpu()

    def attempt(recipe: Recipe, note: str | None) -> TrainingRecord | None:
        ready = prepare(encoded, base, prompt, recipe, note)
        begin = newest(saving.folder)
        going_on = replace(saving, resume=begin[0] if begin else None)
        return train_prepared(ready, folder, going_on, callbacks, country, dataset=data, base=base, **inputs)

    return within_memory(attempt, *ranks.agree(fit_memory(recipe, encoded)), encoded, auto_batch)


def train_prepared(
    ready: Prepared, folder: Path, saving: Saving, callbacks: Sequence[Any], country: str | None, **inputs: Any
) -> TrainingRecord | None:
    """All steps, the checks after them, and the files in `folder`; returns the record, or None as `train_adapter` does."""
    from training import checks
    from training.energy import metered
    from training.progress import padding_share
    from training.record import LOG, losses, plot_loss, write_log
    from training.trainer import make_trainer, run_all_steps

    recipe, model, tokenizer = ready.recipe, ready.model, ready.loaded.tokenizer
    trainer = make_trainer(
        model, tokenizer, ready.dataset, recipe.training, ready.loaded.precision, folder.parent / "unfinished", saving
    )
    for callback in callbacks:
        trainer.add_callback(callback)
    ready.checks.extend(checks.require(checks.check_accumulation(trainer)))
    with metered(country) as energy, steady_threads(model):
        run_all_steps(trainer)
    cost = trainer.so_far.cost(energy)
    found = ready.checks + checks.require(checks.check_adapter(model, ready.probe, ready.base_logits))
    ranks.part()
    if not ranks.is_first():
        return None
    slow_down(model)
    save_adapter(model, folder)
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
        checks=found,
        files=[describe_file(folder, folder / name) for name in ADAPTER_FILES],
        measured=cost,
    )
