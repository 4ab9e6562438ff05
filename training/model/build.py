"""Load the pinned base model and add a fresh LoRA adapter, by PEFT or by Unsloth."""

from dataclasses import replace
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model

from titlecraft.errors import UserError
from titlecraft.hub.errors import first_line
from titlecraft.models.base.config import CAUSAL, load_config, require_decoder
from titlecraft.models.base.files import loading
from titlecraft.models.base.model import LoadedBase, load_base, resolve_precision
from titlecraft.models.base.quantisation import loaded_as
from titlecraft.models.base.tokenizer import load_tokenizer
from titlecraft.process import distributed
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin
from titlecraft.settings import Base, Lora, Training
from training.data.long_answers import longest_example
from training.model.initial_weights import init_of, initialise_loftq
from training.model.lora_targets import with_targets


def load_for_training(base: Pin, settings: Base, training: Training, prompt: PromptFormat) -> LoadedBase:
    """Load the base at its pinned commit, quantised as the recipe says, with the tokenizer for this prompt; without an adapter."""
    if training.backend == "trl":
        # the other ranks get a base to be sharded from rank 0, layer by layer
        device = ("cpu" if distributed.is_rank0() else "meta") if training.shard_base else None
        return load_base(base, settings.quantization, training.precision, prompt=prompt, device=device)
    from unsloth import FastLanguageModel  # pyright: ignore[reportMissingImports]

    tokenizer, precision = load_tokenizer(base, prompt), resolve_precision(training.precision)
    config = load_config(base)
    with loading(base, CAUSAL):
        model, _ = FastLanguageModel.from_pretrained(
            base.repo,
            revision=base.revision,
            trust_remote_code=False,
            use_exact_model_name=True,  # otherwise Unsloth maps the repo to another one and drops the revision
            max_seq_length=longest_example(settings, config),  # for more, it would scale the base's position embeddings
            dtype=getattr(torch, precision),
            load_in_4bit=settings.quantization == "nf4",
        )
    require_decoder(model, base)
    return LoadedBase(model, tokenizer, loaded_as(model), None, precision)


def add_adapter(loaded: LoadedBase, base: Pin, lora: Lora, training: Training) -> PeftModel:
    """Wrap the base in a PeftModel with a fresh adapter in float32, the only trainable weights. The caller sets the seed."""
    # the order of a set would change adapter_config.json between runs
    targets = sorted(with_targets(lora, loaded.model).target_modules or [])
    common: dict[str, Any] = {
        "r": lora.r,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": targets,
        "bias": "none",
        "use_rslora": lora.variant == "rslora",
    }
    if training.backend == "unsloth":
        from unsloth import FastLanguageModel  # pyright: ignore[reportMissingImports]

        checkpointing = "unsloth" if training.gradient_checkpointing else False
        model = FastLanguageModel.get_peft_model(
            loaded.model, **common, use_gradient_checkpointing=checkpointing, random_state=training.seed
        )
    else:
        # not PEFT's prepare_model_for_kbit_training, which casts head, embeddings and norms to float32; evaluation does not
        if training.gradient_checkpointing:
            loaded.model.enable_input_require_grads()
        try:
            init = init_of(replace(lora, target_modules=targets), loaded.model)
            more: dict[str, Any] = {"use_dora": lora.variant == "dora", "init_lora_weights": init}
            model = get_peft_model(loaded.model, LoraConfig(**common, **more, task_type="CAUSAL_LM"))
        except ValueError as error:  # layers of a kind that PEFT cannot adapt
            raise UserError(
                f"lora.target_modules: {base} has layers that cannot be adapted: {first_line(error)}"
            ) from error
    if lora.init == "loftq":
        initialise_loftq(model, base)
    name_base(model, base, targets)
    return model


def name_base(model: PeftModel, base: Pin, targets: list[str]) -> None:
    """Write the base's repo and commit into the adapter's config, instead of a local path or a branch."""
    config: Any = model.peft_config["default"]
    config.base_model_name_or_path, config.revision, config.target_modules = base.repo, base.revision, targets
    # Unsloth sets it; PEFT needs it only for models without a task type
    config.auto_mapping = None
