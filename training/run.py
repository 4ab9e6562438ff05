"""titlecraft train --dataset NS/NAME --repo NS/NAME --recipe tiny

Pinned dataset + pinned base -> LoRA -> one commit with adapter, tokenizer, record, log, plot and card.
"""

import shutil
from collections.abc import Callable
from pathlib import Path

from titlecraft import ranks
from titlecraft.errors import UserError
from titlecraft.hub import find_record, pin, published_pin, read_file, require_own, require_write
from titlecraft.licence import copy_legal_files, licence_of, require_name
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.publishing import publish, sole_publisher, work_folder
from titlecraft.records import (
    TRAINING_RECORD,
    Pin,
    TrainingRecord,
    current_code,
    digest,
    file_sha256,
    read_record,
    record_key,
)
from titlecraft.settings import Recipe
from training.adapter import ADAPTER_FILES, train_adapter
from training.energy import require_meter
from training.model import require_backend
from training.watch import Watch, require_watch, watchers

PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "unsloth")


def train(
    dataset: str,
    repo: str,
    recipe: Recipe,
    *,
    private: bool,
    fresh: bool,
    watch: Watch = "none",
    country: str | None = None,
    write_card: Callable[[Path, str, Pin | None], None],
) -> tuple[Pin, TrainingRecord]:
    """Publish an adapter and return where it is and how it came to be.

    Args:
        dataset: NS/NAME[@REVISION] of a dataset that `titlecraft build` published.
        repo: NS/NAME of the adapter repo.
        watch: where the run can be watched, on this machine.
        country: measure the energy, for the grid of this country (ISO 3166, three letters).
        write_card: writes README.md into the folder to publish, from the records in it.

    Does nothing but say so where the same dataset, base, recipe and code have been published to `repo` already, unless
    `fresh`. Raises UserError; the repo is then as it was.
    """
    require_watch(watch)
    require_meter(country)
    require_write(repo)
    with sole_publisher(repo, "model"):
        data, base = pin(dataset, "dataset"), pin(f"{recipe.base.repo}@{recipe.base.revision}", "model")
        raw_prompt = read_file(data, PROMPT_FILE)
        if raw_prompt is None:
            raise UserError(
                f"dataset {data} has no {PROMPT_FILE}: expected a dataset that `titlecraft build` published"
            )
        prompt = PromptFormat.from_json(raw_prompt, f"{PROMPT_FILE} of {data}")
        code = current_code("training", *PACKAGES)
        key = digest({"dataset": data, "base": base, "length": recipe.base.max_length, "quantization": recipe.base.quantization,
                      "lora": recipe.lora, "training": recipe.training, "generation": recipe.generation, "code": code,
                      "devices": ranks.world_size()})  # fmt: skip
        head = published_pin(repo, "model")
        require_own(head, TRAINING_RECORD)
        if not fresh and (
            record := find_record(head, TRAINING_RECORD, TrainingRecord, key, lambda record: record.files)
        ):
            print(f"nothing to do: {repo} was trained from this very dataset, base, recipe and code")
            return head, record
        licence = licence_of(base)
        require_name(repo, licence, base)
        require_backend(recipe.training)
        work = work_folder("train", repo)
        folder = work / "publish"
        record = None if fresh else finished(folder, key)
        if record is None:
            shutil.rmtree(work)
            (folder / "assets").mkdir(parents=True)
            together = ranks.agree({"data": data, "base": base, "prompt": prompt, "recipe": recipe, "folder": folder})
            record = train_adapter(
                **together,
                callbacks=watchers(watch, repo, key[:12]),
                country=country,
                key=key,
                code=code,
                licence=licence,
            )
            (folder / PROMPT_FILE).write_bytes(raw_prompt)
            copy_legal_files(base, licence, folder)
            (folder / TRAINING_RECORD).write_bytes(record.to_json())  # last: with it the work is finished
        write_card(folder, repo, head)
        message = f"Train {record.steps} steps on {data}"
        published = publish(
            repo, "model", head, folder, message, private=private, replaces=("assets/*", "evaluation/*", "adapter_*"),
            check=lambda path: require_loads(path, base),
        )  # fmt: skip
        shutil.rmtree(work)
    return published, record


def follow() -> None:
    """The part of all processes but the first: train with it, by what it says. Publishing is its affair."""
    together = ranks.agree(None)
    if together is not None:
        require_backend(together["recipe"].training)
        train_adapter(**together)


def finished(folder: Path, key: str) -> TrainingRecord | None:
    """The record of a training that had finished, and only its publishing had failed; its files are still whole."""
    file = folder / TRAINING_RECORD
    if not file.is_file() or record_key(file.read_bytes()) != key:
        return None
    record = read_record(file.read_bytes(), TrainingRecord, str(file))
    if any(not (folder / one.path).is_file() or file_sha256(folder / one.path) != one.sha256 for one in record.files):
        return None
    print(f"training had finished already; publishing what it left in {folder}")
    return record


def require_loads(folder: Path, base: Pin) -> None:
    """Read the adapter back as its users will. Raises where its config or tensors are not what was trained."""
    from peft import PeftConfig
    from safetensors import safe_open

    config = PeftConfig.from_pretrained(str(folder))
    if (config.base_model_name_or_path, config.revision) != (base.repo, base.revision):
        raise UserError(
            f"adapter_config.json names {config.base_model_name_or_path}@{config.revision}: expected {base}"
        )
    with safe_open(folder / ADAPTER_FILES[0], framework="pt") as tensors:
        if not any("lora_" in name for name in tensors.keys()):  # noqa: SIM118 (safe_open is not a mapping)
            raise UserError(f"{ADAPTER_FILES[0]} holds no LoRA tensors")
