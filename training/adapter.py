"""Train one job: tokenise the dataset, load and check the model, train, check again, write adapter and record."""

from dataclasses import replace

from msgspec.structs import replace as replace_fields

from titlecraft.models.base.tokenizer import as_published, load_tokenizer
from titlecraft.process import distributed
from titlecraft.process.threads import steady_threads
from titlecraft.records import Effect, Measured, TrainingRecord, describe_file
from titlecraft.records import Examples as ExamplesSeen
from titlecraft.records.repo_files import ADAPTER_FILES, ADAPTER_WEIGHTS, TRAINING_LOG
from titlecraft.settings import Recipe
from training import checks
from training.adapter_settings import adapter_notes
from training.checkpoints.folder import newest
from training.data.examples import Encoded, encode_split, encoding_key, wait_until_encoded
from training.data.inputs import load_train_split
from training.data.long_answers import longest_example
from training.data.validation_rows import MOST_WITHOUT, draw_rows, encode_held_out
from training.effect import measure_effect, print_effect, validated_effect
from training.job import Job, Rank0
from training.lost_settings import lost, require_learning
from training.model.kernels import remove_kernels
from training.model.own_loss import check_own_loss
from training.model.save_adapter import save_adapter
from training.out_of_memory import within_memory
from training.planning.fit import MemoryBudget, fit_here
from training.planning.host_memory import require_host_memory
from training.planning.known_base import inspect_base
from training.planning.validation_schedule import Schedule, rows_to_draw, schedule, without_rows
from training.prepare import Prepared, prepare
from training.publishing.publish import require_trained
from training.record import losses, plot_loss, write_log
from training.steps import count_steps
from training.trainer import OPTIMIZER, CountingTrainer, make_trainer, run_all_steps
from training.validation.run import print_kept, record_validation, sample_of
from training.validation.score import Scorer
from training.watching.energy import metered
from training.watching.progress import padding_share


def train_adapter(job: Job, rank0: Rank0 | None = None) -> TrainingRecord | None:
    """Train the job and return its record; adapter, tokenizer, log and plot are then in `job.folder`.

    Resumes from the newest checkpoint of the same run. With several processes, every rank calls this; ranks other than 0
    pass no `rank0`, write no files and return None. Raises UserError; a CUDA out-of-memory error becomes one that names
    settings that fit, or with `job.auto_batch` the training is retried with them.
    """
    encoded = encode(job)
    distributed.use_own_gpu()

    def attempt(recipe: Recipe, note: str | None) -> TrainingRecord | None:
        prepared = prepare(encoded, job.base, job.prompt, recipe, note)
        print_lost_settings(job, recipe, prepared, encoded)
        checkpoint = newest(job.saving.folder)
        saving = replace(job.saving, resume=checkpoint[0] if checkpoint else None)
        return train_prepared(prepared, replace(job, saving=saving), rank0)

    with_targets = replace(job.recipe, lora=encoded.lora or job.recipe.lora)
    recipe, note = distributed.broadcast_from_rank0(fit_memory(with_targets, encoded))
    return within_memory(attempt, recipe, note, encoded, job.auto_batch)


def encode(job: Job) -> Encoded:
    """Tokenise the training split, and the rows of the validation split that a validation may take.

    This may fork worker processes, so it has to run before CUDA is initialised. Raises UserError.
    """
    recipe = job.recipe
    known_base = inspect_base(job.base, recipe)
    split = load_train_split(job.data, job.row_settings)
    longest, tokenizer = longest_example(recipe.base, known_base.config), load_tokenizer(job.base, job.prompt)
    cut = recipe.training.long_answers
    if distributed.local_rank():
        wait_until_encoded(split, encoding_key(split, job.data, job.base, job.prompt, longest, cut))
    examples = encode_split(split, tokenizer, job.prompt, longest, cut, dataset=job.data, base=job.base)
    drawn = draw_rows(job.data, recipe.training.seed, rows_to_draw(recipe.training), job.row_settings)
    held_out = encode_held_out(drawn, tokenizer, job.prompt, longest, cut)
    note = without_rows(recipe.training, job.data, len(held_out), job.given)
    if note and distributed.is_rank0():
        print(f"note: {note}")
    return Encoded(split, known_base.config, longest, examples, held_out, known_base.quantization, known_base.lora)


def fit_memory(recipe: Recipe, encoded: Encoded) -> tuple[Recipe, str | None]:
    """The recipe with batch and checkpointing chosen for this GPU's memory, if it sets training.fit_memory; prints the choice.

    Raises UserError if nothing fits, or on a CPU if the batch does not fit into the machine's memory.
    """
    base = replace(recipe.base, max_length=encoded.longest, quantization=encoded.quantization)
    length = encoded.widest(recipe.training.packing)
    training, note = fit_here(MemoryBudget(encoded.config, recipe.lora, recipe.training, base, longest=length))
    if note:
        print(note)
    require_host_memory(replace(recipe, training=training, base=base), encoded)
    return replace(recipe, training=training), note


def print_lost_settings(job: Job, recipe: Recipe, prepared: Prepared, encoded: Encoded) -> None:
    """Print a note for each setting that has no effect. Raises UserError if the run would change no weight."""
    devices = distributed.world_size()
    all_devices = replace(recipe.training, batch_size=recipe.training.batch_size * devices)
    items = len(prepared.dataset)
    steps = count_steps(items, all_devices).count
    require_learning(recipe.training, steps)
    notes = lost(recipe.training, recipe.base, encoded.config, job.given, items=items, steps=steps, devices=devices)
    for note in notes + adapter_notes(recipe.lora, recipe.training):
        print(f"note: {note}")


def train_prepared(prepared: Prepared, job: Job, rank0: Rank0 | None) -> TrainingRecord | None:
    """Train all steps, check the adapter and write its files; returns the record, or None on ranks other than 0."""
    recipe, model, tokenizer = prepared.recipe, prepared.model, prepared.loaded.tokenizer
    unfinished = job.folder.parent / "unfinished"
    trainer = make_trainer(
        model,
        tokenizer,
        prepared.dataset,
        recipe.training,
        prepared.loaded.precision,
        unfinished,
        job.saving,
        sample_of(prepared.held_out, schedule_of(prepared)),
    )
    for callback in rank0.callbacks if rank0 else ():
        trainer.add_callback(callback)
    assert prepared.yardstick is not None
    prepared.checks.extend(check_own_loss(trainer, prepared.yardstick, recipe.training, job.base))
    prepared.checks.extend(checks.require(checks.check_accumulation(trainer)))
    with metered(rank0.country if rank0 else None) as energy, steady_threads(model):
        run_all_steps(trainer)
    if skipped := trainer.health.skipped:
        print(
            f"{skipped:,} of {trainer.state.global_step:,} steps were skipped, because their gradients overflowed in float16"
        )
    cost = trainer.run_state.cost(energy)
    if trainer.validator:
        cost = replace_fields(cost, validation_seconds=round(trainer.validator.seconds, 1))
    if prepared.changed:
        prepared.checks.append(prepared.changed.convert(model, prepared.probe, prepared.loaded.precision))
    prepared.checks.extend(checks.require(checks.check_adapter(model, prepared.probe, prepared.base_logits)))
    with steady_threads(model):
        effect = effect_of_run(prepared, trainer)
    print_effect(effect)
    distributed.destroy_process_group()
    if rank0 is None:
        return None
    remove_kernels(model)
    save_adapter(model, job.folder)
    require_trained(job.folder / ADAPTER_WEIGHTS)
    template_note = as_published(tokenizer, job.prompt)
    if template_note:
        print(template_note)
    tokenizer.save_pretrained(job.folder)
    return make_record(prepared, job, rank0, trainer, cost, effect, template_note)


def schedule_of(prepared: Prepared) -> Schedule:
    """When the run validates, and on how many rows."""
    training, items = prepared.recipe.training, len(prepared.dataset)
    training = replace(training, batch_size=training.batch_size * distributed.world_size())
    return schedule(
        training, items, len(prepared.examples.dataset), count_steps(items, training), len(prepared.held_out)
    )


def effect_of_run(prepared: Prepared, trainer: CountingTrainer) -> Effect:
    """The effect of the published weights: as validated, or measured now."""
    changes_logits = any(check.name == checks.CHANGES for check in prepared.checks)
    if trainer.validator:
        if prepared.recipe.lora.init == "loftq":  # its first validation is not that of the base
            with prepared.model.disable_adapter():
                before = trainer.validator.scorer.score(trainer.accelerator)
            return validated_effect(trainer.validator, changes_logits, before)
        return validated_effect(trainer.validator, changes_logits)
    training, pad = prepared.recipe.training, prepared.loaded.tokenizer.pad_token_id or 0
    alone = training.backend == "unsloth"
    scorer = Scorer(prepared.model, prepared.held_out[:MOST_WITHOUT], pad, alone, training.shard_base)
    if scorer.pairs:
        scorer.check_batching()
    return measure_effect(scorer, changes_logits, trainer.accelerator)


def make_record(
    prepared: Prepared,
    job: Job,
    rank0: Rank0,
    trainer: CountingTrainer,
    cost: Measured,
    effect: Effect,
    template_note: str | None,
) -> TrainingRecord:
    """Write log and plot into the folder and return the record of the training."""
    recipe, tokenizer, folder = prepared.recipe, prepared.loaded.tokenizer, job.folder
    lines = write_log(trainer.state.log_history, folder / TRAINING_LOG)
    validation = record_validation(trainer.validator, lines) if trainer.validator else None
    if validation:
        print_kept(validation)
    plot_loss(lines, folder / "assets" / "training_loss.png", validation.kept if validation else None)
    examples, seen = prepared.examples, trainer.seen
    return TrainingRecord(
        key=rank0.key,
        code=rank0.code,
        dataset=job.data,
        base=job.base,
        licence=rank0.licence,
        attention=prepared.facts.attention,
        fused_kernels=prepared.facts.fused_kernels,
        memory_note=prepared.facts.memory_note,
        router_note=prepared.facts.router_note,
        trainable_parameters=prepared.facts.trainable_parameters,
        base_parameters=prepared.facts.base_parameters,
        base_settings=recipe.base,
        lora=recipe.lora,
        rows=job.rows,
        targets_chosen=job.recipe.lora.target_modules is None,
        training=recipe.training,
        generation=recipe.generation,
        precision=prepared.loaded.precision,
        quantization=prepared.loaded.quantization,
        quantization_note=prepared.loaded.quantization_note,
        template_note=template_note,
        trained_prompt=job.trained_prompt,
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
        checks=prepared.checks,
        files=[describe_file(folder, folder / name) for name in ADAPTER_FILES],
        measured=cost,
        skipped_steps=trainer.health.skipped,
        optimizer=OPTIMIZER,
        effect=effect,
        validation=validation,
        chosen=rank0.chosen,
    )
