"""titlecraft train --dataset NS/NAME --repo NS/NAME --recipe tiny

Pinned dataset + pinned base model -> LoRA adapter, published in one commit with tokenizer, record, log, plot and card.

Unsloth has to be imported before transformers, TRL and PEFT: `require_backend` imports it, and only then does this module
import the modules that use them.
"""

import shutil
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

import msgspec

from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.licence import copy_legal_files, licence_of, require_name
from titlecraft.hub.pins import current_name, find_record, pin, published_pin, require_own, require_write
from titlecraft.hub.publishing import sole_publisher, work_folder
from titlecraft.models.base.prompt_of_dataset import prompt_for
from titlecraft.models.base.quantisation import resolve_quantization
from titlecraft.process import distributed
from titlecraft.records import (
    TRAINING_RECORD,
    Chosen,
    Code,
    Pin,
    RowSettings,
    TrainingInputs,
    TrainingRecord,
    current_code,
)
from titlecraft.records.repo_files import PROMPT_FILE
from titlecraft.rows.folder import read_rows, settings_for
from titlecraft.settings import Recipe
from training.checkpoints.branch import BackgroundPush
from training.checkpoints.folder import Run, checkpoints_folder
from training.checkpoints.resume import find_start
from training.checkpoints.saving import Saving
from training.job import Job, Rank0, RunOptions
from training.model.backend import require_backend
from training.publishing.finished import find_finished, write_target
from training.publishing.publish import WriteCard, publish_trained
from training.watching.grid import require_meter
from training.watching.published import publish_metrics, require_published
from training.watching.watch import require_watch, watchers

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "unsloth", "matplotlib")


def train(
    dataset: str,
    repo: str,
    recipe: Recipe,
    options: RunOptions,
    *,
    given: Collection[str] = (),
    write_card: WriteCard,
) -> tuple[Pin, TrainingRecord]:
    """Train and publish an adapter; returns its pin and its record.

    Args:
        dataset: NS/NAME[@REVISION] of a dataset of the Hub; without a revision, its newest data.
        repo: NS/NAME of the adapter repo.
        given: dotted names of the settings that a recipe file or an option set. A note names those that have no effect.
        write_card: writes README.md into the folder to publish, from the records in it.

    No-op (prints a message) if `repo` already holds an adapter with the same inputs, unless `options.fresh`.
    Raises UserError; the repo is unchanged then, and a finished training stays in the work folder.
    """
    require_watch(options.watch)
    require_published(options.watch, options.publish_metrics)
    require_meter(options.country)
    require_write(repo)
    repo = current_name(repo, "model")
    with sole_publisher(repo, "model"):
        quantization = resolve_quantization(recipe.base.quantization)
        recipe = replace(recipe, base=replace(recipe.base, quantization=quantization))
        data, base = pin_data(dataset), pin(f"{recipe.base.repo}@{recipe.base.revision}", "model")
        row_settings = settings_for(data, RowSettings.of(recipe))
        code = current_code("training", *PACKAGES)
        run = run_of(data, base, recipe, code, row_settings, options.chosen)
        head = published_pin(repo, "model")
        require_own(head, TRAINING_RECORD)
        if head and not options.fresh:
            record = find_record(head, TRAINING_RECORD, TrainingRecord, run.key, lambda record: record.files)
            if record:
                print(f"nothing to do: {repo} was trained from this very dataset, base, recipe and code")
                return head, record
        licence = licence_of(base)
        require_name(repo, licence, base)
        require_backend(recipe.training, recipe.lora)
        work = work_folder("train", repo)
        folder = work / "publish"
        record = None if options.fresh else find_finished(folder, run.key)
        if record is None:
            saving = prepare_work_folder(repo, work, run, options)
            write_target(folder, repo, options.private)
            rows = read_rows(data, row_settings) if row_settings else None
            if rows:
                print(f"rows of {data}: {rows}")
            prompt, raw_prompt = prompt_for(data, base, recipe.prompt.format, rows)
            print(f"prompt format {prompt}")
            job = distributed.broadcast_from_rank0(
                Job(data, base, prompt, recipe, folder, saving, options.auto_batch, frozenset(given), rows)
            )
            push = BackgroundPush(repo, options.private) if options.push_every else None  # cannot be broadcast
            record = train_on_rank0(
                replace(job, saving=replace(saving, push=push)),
                Rank0(
                    run.key,
                    code,
                    licence,
                    watchers(options.watch, repo, run.key[:12], options.publish_metrics),
                    options.country,
                    options.chosen,
                ),
            )
            (folder / PROMPT_FILE).write_bytes(raw_prompt)
            copy_legal_files(base, licence, folder)
            (folder / TRAINING_RECORD).write_bytes(record.to_json())  # written last: it marks the training as finished
            if push:
                push.finish()
            if options.publish_metrics:
                metrics = publish_metrics(options.watch, repo, run.key[:12], folder)
                record = msgspec.structs.replace(record, metrics=metrics)
                (folder / TRAINING_RECORD).write_bytes(record.to_json())
        published = publish_trained(folder, repo, head, record, private=options.private, write_card=write_card)
        shutil.rmtree(work)
    return published, record


def run_of(
    data: Pin, base: Pin, recipe: Recipe, code: Code, rows: RowSettings | None = None, chosen: Chosen | None = None
) -> Run:
    """The key of a training and the digest of each of its inputs, for its checkpoints."""
    inputs = TrainingInputs(
        dataset=data,
        base=base,
        length=recipe.base.max_length,
        quantization=recipe.base.quantization,
        lora=recipe.lora,
        training=recipe.training,
        generation=recipe.generation,
        code=code,
        devices=distributed.world_size(),
        prompt_format=recipe.prompt.format,
        rows=rows,
        chosen=chosen,
    )
    return Run(key=inputs.key, inputs=inputs.digests())


def prepare_work_folder(repo: str, work: Path, run: Run, options: RunOptions) -> Saving:
    """Empty the work folder, except for the checkpoint to resume from; returns where and when to save checkpoints.

    Raises UserError if that would delete the checkpoints of an unfinished training.
    """
    folder = checkpoints_folder(work, run)
    if options.fresh:
        shutil.rmtree(work)
    else:
        find_start(repo, work, run, options.resume)
        shutil.rmtree(work / "publish", ignore_errors=True)
    shutil.rmtree(work / "unfinished", ignore_errors=True)
    (work / "publish" / "assets").mkdir(parents=True)
    return Saving(run, folder, options.save_every, options.push_every)


def train_on_rank0(job: Job, rank0: Rank0) -> TrainingRecord:
    """Train as rank 0 and return the record. The backend has been imported by `require_backend`."""
    from training.adapter import train_adapter

    record = train_adapter(job, rank0)
    assert record is not None, "rank 0 returned no record"
    return record


def follow() -> None:
    """Run on every rank but 0: receive the job from rank 0 and train. Only rank 0 publishes."""
    job: Job | None = distributed.broadcast_from_rank0(None)
    if job is not None:
        require_backend(job.recipe.training, job.recipe.lora)
        from training.adapter import train_adapter

        train_adapter(job)
