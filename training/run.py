"""titlecraft train --dataset NS/NAME --repo NS/NAME --recipe tiny

Pinned dataset + pinned base -> LoRA -> one commit with adapter, tokenizer, record, log, plot and card.
"""

import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from titlecraft.errors import UserError
from titlecraft.hub.data_revision import pin_data
from titlecraft.hub.licence import copy_legal_files, licence_of, require_name
from titlecraft.hub.pins import current_name, find_record, pin, published_pin, require_own, require_write
from titlecraft.hub.publishing import REPLACED_BY_TRAINING, publish, sole_publisher, work_folder
from titlecraft.process import distributed
from titlecraft.prompt import PROMPT_FILE
from titlecraft.records import (
    TRAINING_RECORD,
    Pin,
    TrainingRecord,
    current_code,
    digest,
)
from titlecraft.settings import Recipe
from training.adapter import ADAPTER_FILES, require_trained, train_adapter
from training.checkpoints.branch import BackgroundPush, delete_branch
from training.checkpoints.folder import Run, checkpoints_folder
from training.checkpoints.resume import where_to_begin
from training.checkpoints.saving import Saving
from training.data.inputs import read_prompt
from training.finished import command_to_publish, finished, write_target
from training.model.build import require_backend
from training.watching.energy import require_meter
from training.watching.watch import Watch, require_watch, watchers

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "unsloth", "matplotlib")


@dataclass(frozen=True)
class Care:
    """How a training is kept from being lost; none of it changes what is computed.

    Args:
        fresh: train and publish whatever was done before; unfinished work is given up.
        resume: go on from the newest checkpoint of the same training, here or on the Hub.
        save_every: a checkpoint after so many steps; unset takes one about every ten minutes, 0 none.
        push_every: every so many steps a checkpoint is pushed to a branch of the target repo; unset pushes none.
        auto_batch: where the GPU's memory is full, cut the same steps smaller.
    """

    fresh: bool = False
    resume: bool = False
    save_every: int | None = None
    push_every: int | None = None
    auto_batch: bool = False


def train(
    dataset: str,
    repo: str,
    recipe: Recipe,
    *,
    private: bool,
    care: Care,
    watch: Watch = "none",
    country: str | None = None,
    given: Collection[str] = (),
    write_card: Callable[[Path, str, Pin | None], None],
) -> tuple[Pin, TrainingRecord]:
    """Publish an adapter and return where it is and how it came to be.

    Args:
        dataset: NS/NAME[@REVISION] of a dataset that `titlecraft build` published; without a revision, its newest data.
        repo: NS/NAME of the adapter repo.
        watch: where the run can be watched, on this machine.
        country: measure the energy, for the grid of this country (ISO 3166, three letters).
        given: dotted names of the settings that a recipe or an option gave: those that are not used are named.
        write_card: writes README.md into the folder to publish, from the records in it.

    Does nothing but say so where the same dataset, base, recipe and code have been published to `repo` already, unless
    `care.fresh`. Raises UserError; the repo is then as it was, and what was trained is still in the work folder.
    """
    require_watch(watch)
    require_meter(country)
    require_write(repo)
    repo = current_name(repo, "model")
    with sole_publisher(repo, "model"):
        data, base = pin_data(dataset), pin(f"{recipe.base.repo}@{recipe.base.revision}", "model")
        prompt, raw_prompt = read_prompt(data)
        code = current_code("training", *PACKAGES)
        run = run_of({"dataset": data, "base": base, "length": recipe.base.max_length, "quantization": recipe.base.quantization,
                      "lora": recipe.lora, "training": recipe.training, "generation": recipe.generation, "code": code,
                      "devices": distributed.world_size()})  # fmt: skip
        head = published_pin(repo, "model")
        require_own(head, TRAINING_RECORD)
        if not care.fresh and (
            record := find_record(head, TRAINING_RECORD, TrainingRecord, run.key, lambda record: record.files)
        ):
            print(f"nothing to do: {repo} was trained from this very dataset, base, recipe and code")
            return head, record
        licence = licence_of(base)
        require_name(repo, licence, base)
        require_backend(recipe.training)
        work = work_folder("train", repo)
        folder = work / "publish"
        record = None if care.fresh else finished(folder, run.key)
        if record is None:
            saving = begin(repo, work, run, care)
            write_target(folder, repo, private)
            together = distributed.broadcast_from_rank0({"data": data, "base": base, "prompt": prompt, "recipe": recipe, "folder": folder,
                                    "saving": saving, "auto_batch": care.auto_batch, "given": given})  # fmt: skip
            push = BackgroundPush(repo, private) if care.push_every else None
            record = train_adapter(
                **together | {"saving": replace(saving, push=push)},
                callbacks=watchers(watch, repo, run.key[:12]),
                country=country,
                key=run.key,
                code=code,
                licence=licence,
            )
            (folder / PROMPT_FILE).write_bytes(raw_prompt)
            copy_legal_files(base, licence, folder)
            (folder / TRAINING_RECORD).write_bytes(record.to_json())  # last: with it the work is finished
            if push:
                push.finish()
        published = publish_trained(folder, repo, head, record, private=private, write_card=write_card)
        shutil.rmtree(work)
    return published, record


def run_of(inputs: dict[str, Any]) -> Run:
    """The run that these inputs make: equal keys, equal results."""
    return Run(key=digest(inputs), inputs={name: digest({name: value}) for name, value in inputs.items()})


def begin(repo: str, work: Path, run: Run, care: Care) -> Saving:
    """Make the work folder ready: empty, or with the checkpoint to go on from. Raises UserError rather than lose one."""
    folder = checkpoints_folder(work, run)
    if care.fresh:
        shutil.rmtree(work)
    else:
        where_to_begin(repo, work, run, care.resume)
        shutil.rmtree(work / "publish", ignore_errors=True)
    shutil.rmtree(work / "unfinished", ignore_errors=True)
    (work / "publish" / "assets").mkdir(parents=True)
    return Saving(run, folder, care.save_every, care.push_every)


def publish_trained(
    folder: Path, repo: str, head: Pin | None, record: TrainingRecord, *, private: bool,
    write_card: Callable[[Path, str, Pin | None], None],
) -> Pin:  # fmt: skip
    """The trained adapter in `folder` as one commit. Raises UserError that says how to publish it later."""
    require_trained(folder / ADAPTER_FILES[0])
    try:
        write_card(folder, repo, head)
        message = f"Train {record.steps} steps on {record.dataset}"
        published = publish(
            repo, "model", head, folder, message, private=private, replaces=REPLACED_BY_TRAINING,
            check=lambda path: require_loads(path, record.base),
        )  # fmt: skip
    except UserError as error:
        raise UserError(
            f"{error}; the trained adapter is whole, and `{command_to_publish(folder)}` publishes it"
        ) from error
    delete_branch(repo)
    return published


def follow() -> None:
    """The part of all processes but the first: train with it, by what it says. Publishing is its affair."""
    together = distributed.broadcast_from_rank0(None)
    if together is not None:
        require_backend(together["recipe"].training)
        train_adapter(**together)


def require_loads(folder: Path, base: Pin) -> None:
    """Read the adapter back as its users will. Raises where its config or tensors are not what was trained."""
    from peft import PeftConfig

    config = PeftConfig.from_pretrained(str(folder))
    if (config.base_model_name_or_path, config.revision) != (base.repo, base.revision):
        raise UserError(
            f"adapter_config.json names {config.base_model_name_or_path}@{config.revision}: expected {base}"
        )
    require_trained(folder / ADAPTER_FILES[0])
