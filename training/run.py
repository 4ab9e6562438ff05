"""titlecraft train --dataset NS/NAME --repo NS/NAME --recipe tiny

Pinned dataset + pinned base -> LoRA -> one commit with adapter, tokenizer, record, log, plot and card.
"""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from titlecraft.errors import UserError
from titlecraft.hub import download, find_record, hub_errors, pin, published_pin, read_file, require_own, require_write
from titlecraft.licence import copy_legal_files, licence_of, require_name
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.publishing import publish, sole_publisher, work_folder
from titlecraft.records import (
    TRAINING_RECORD,
    Examples,
    Pin,
    TrainingRecord,
    current_code,
    describe_file,
    digest,
    file_sha256,
    read_record,
    record_key,
)
from titlecraft.settings import Recipe
from titlecraft.threads import steady_threads
from training.model import add_adapter, load_for_training, longest_example, require_backend, require_lora_targets

ADAPTER_FILES = ("adapter_model.safetensors", "adapter_config.json")
PACKAGES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "unsloth")


def train(
    dataset: str,
    repo: str,
    recipe: Recipe,
    *,
    private: bool,
    fresh: bool,
    write_card: Callable[[Path, str, Pin | None], None],
) -> tuple[Pin, TrainingRecord]:
    """Publish an adapter and return where it is and how it came to be.

    Args:
        dataset: NS/NAME[@REVISION] of a dataset that `titlecraft build` published.
        repo: NS/NAME of the adapter repo.
        write_card: writes README.md into the folder to publish, from the records in it.

    Does nothing but say so where the same dataset, base, recipe and code have been published to `repo` already, unless
    `fresh`. Raises UserError; the repo is then as it was.
    """
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
                      "lora": recipe.lora, "training": recipe.training, "generation": recipe.generation, "code": code})  # fmt: skip
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
            record = fit(data, base, prompt, recipe, folder, key=key, code=code, licence=licence)
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


def fit(data: Pin, base: Pin, prompt: PromptFormat, recipe: Recipe, folder: Path, **inputs: Any) -> TrainingRecord:
    """Train, and leave adapter, tokenizer, log and plot in `folder`."""
    from datasets import load_dataset
    from transformers import set_seed

    from training import checks
    from training.examples import encode_split
    from training.record import LOG, losses, measured, plot_loss, write_log
    from training.trainer import make_trainer, run_all_steps

    download(data)
    with hub_errors(f"loading {data}", data.repo, data.type):
        split = load_dataset(data.repo, revision=data.revision, split="train")
    set_seed(recipe.training.seed)  # before the adapter's weights are drawn: SFTTrainer seeds too late for them
    loaded = load_for_training(base, recipe.base, recipe.training)
    if loaded.quantization_note:
        print(loaded.quantization_note)
    require_lora_targets(loaded.model, recipe.lora, base)
    longest = longest_example(recipe.base, loaded.model.config)
    examples = encode_split(split, loaded.tokenizer, prompt, longest)
    found = checks.check_examples(examples, split, loaded.tokenizer, prompt, longest)
    probe = examples.dataset[0]["input_ids"]
    base_parameters = loaded.model.num_parameters()
    expected = checks.expected_trainable(loaded.model, recipe.lora.r, recipe.lora.target_modules)
    model = add_adapter(loaded, base, recipe.lora, recipe.training)
    with model.disable_adapter():
        base_logits = checks.probe_logits(model, probe)
    trainable = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    found.append(checks.check("trainable parameters: r·(in+out) over the adapted layers", expected, trainable))
    checks.require(found)
    trainer = make_trainer(
        model, loaded.tokenizer, examples.dataset, recipe.training, loaded.precision, folder.parent / "trainer"
    )
    started = time.perf_counter()
    with steady_threads(model):
        run_all_steps(trainer)
    cost = measured(started, trainer.seen["tokens"])
    found += checks.require(checks.check_adapter(model, probe, base_logits))
    model.save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)  # PEFT's own card; ours is written last, by one owner
    loaded.tokenizer.save_pretrained(folder)
    lines = write_log(trainer.state.log_history, folder / LOG)
    plot_loss(lines, folder / "assets" / "training_loss.png")
    seen = trainer.seen
    return TrainingRecord(
        **inputs,
        dataset=data,
        base=base,
        base_settings=recipe.base,
        lora=recipe.lora,
        training=recipe.training,
        generation=recipe.generation,
        precision=loaded.precision,
        quantization=loaded.quantization,
        quantization_note=loaded.quantization_note,
        attention=str(model.config._attn_implementation),
        trainable_parameters=trainable,
        base_parameters=base_parameters,
        special_tokens={name: getattr(loaded.tokenizer, f"{name}_token") for name in ("bos", "eos", "pad")},
        steps=trainer.state.global_step,
        epochs=round(seen["examples"] / len(examples.dataset), 4),
        examples=Examples(
            available=len(examples.dataset),
            seen=seen["examples"],
            distinct_seen=min(seen["examples"], len(examples.dataset)),  # the sampler draws without replacement
            tokens_seen=seen["tokens"],
            completion_tokens_seen=seen["completion_tokens"],
            truncated=examples.truncated,
            left_out=examples.left_out,
        ),
        loss=losses(lines),
        checks=found,
        files=[describe_file(folder, folder / name) for name in ADAPTER_FILES],
        measured=cost,
    )


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
