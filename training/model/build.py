"""The model to train: the pinned base with a fresh LoRA adapter, from PEFT or from Unsloth."""

import os
from pathlib import Path
from typing import Any

from titlecraft.errors import UserError
from titlecraft.hub.errors import first_line
from titlecraft.models.attention.document import DOCUMENTS, documents_fault, use_documents_attention
from titlecraft.models.base.config import CAUSAL, context_length, load_config, require_decoder
from titlecraft.models.base.files import loading
from titlecraft.models.base.model import LoadedBase, load_base, resolve_precision
from titlecraft.models.base.quantisation import loaded_as
from titlecraft.models.base.tokenizer import load_tokenizer
from titlecraft.process import distributed
from titlecraft.records import Pin
from titlecraft.settings import Base, Lora, Training
from training.lost_settings import fault
from training.model.answer_loss import use_answer_loss

GPU_EXTRA = 'pip install "titlecraft[gpu]"'


def require_backend(settings: Training) -> None:
    """Raises UserError where the chosen backend cannot run here, before anything is downloaded.

    Unsloth patches transformers, TRL and PEFT, so it is imported here, before any of them; without a GPU its import
    raises NotImplementedError. Left alone it reports each model that it loads, by downloads from the Hub, and writes the
    code that it generates into the current folder.
    """
    if found := processes_fault(settings, distributed.world_size()):
        raise UserError(found)
    if settings.backend != "unsloth":
        return
    import torch
    from huggingface_hub import constants

    os.environ.setdefault("UNSLOTH_DISABLE_STATISTICS", "1")
    os.environ.setdefault("UNSLOTH_COMPILE_LOCATION", str(Path(constants.HF_HOME) / "titlecraft" / "unsloth_compiled"))

    if not torch.cuda.is_available():
        raise UserError(
            "training.backend unsloth needs a CUDA GPU and there is none: use --training.backend=trl, which runs everywhere"
        )
    try:
        import unsloth  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"training.backend unsloth: {error}; install it with {GPU_EXTRA}, or use --training.backend=trl"
        ) from error


def processes_fault(settings: Training, processes: int) -> str | None:
    """Why so many processes, one for each GPU, cannot train with these settings, or None where they can."""
    if settings.backend == "unsloth" and processes > 1:
        return "training.backend unsloth is for one GPU: use --training.backend=trl with several processes"
    if found := fault(settings):
        return found
    if settings.shard_base and processes == 1:
        return (
            "training.shard_base shares the base out between processes, one for each GPU, and there is one: start several with "
            "torchrun, or set --training.shard_base=false"
        )
    return None


def load_for_training(base: Pin, settings: Base, training: Training) -> LoadedBase:
    """The base without an adapter, quantised as the recipe asks. `base` is a commit, whatever `settings.revision` says."""
    if training.backend == "trl":
        return load_base(base, settings.quantization, training.precision, on_cpu=training.shard_base)
    import torch
    from unsloth import FastLanguageModel  # before transformers

    tokenizer, precision = load_tokenizer(base), resolve_precision(training.precision)
    config = load_config(base)
    with loading(base, CAUSAL):
        model, _ = FastLanguageModel.from_pretrained(
            base.repo,
            revision=base.revision,
            trust_remote_code=False,
            use_exact_model_name=True,  # or Unsloth maps the repo to another one and drops the revision
            max_seq_length=longest_example(settings, config),  # for more, it would stretch the positions of the base
            dtype=getattr(torch, precision),
            load_in_4bit=settings.quantization == "nf4",
        )
    require_decoder(model, base)
    return LoadedBase(model, tokenizer, loaded_as(model), None, precision)


def longest_example(settings: Base, config: Any) -> int:
    """Most tokens of an example: what the recipe allows, but no more than the base has positions for."""
    return min(settings.max_length, context_length(config))


def add_adapter(loaded: LoadedBase, base: Pin, lora: Lora, training: Training) -> Any:
    """A PeftModel around the base; only the adapter can be trained, in float32. The caller has set the seed."""
    targets = sorted(lora.target_modules)  # a set's order would leak into adapter_config.json
    common = {
        "r": lora.r,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": targets,
        "bias": "none",
    }
    if training.backend == "unsloth":
        from unsloth import FastLanguageModel

        checkpointing = "unsloth" if training.gradient_checkpointing else False
        model = FastLanguageModel.get_peft_model(
            loaded.model, **common, use_gradient_checkpointing=checkpointing, random_state=training.seed
        )
    else:
        from peft import LoraConfig, get_peft_model

        # not PEFT's prepare_model_for_kbit_training: it turns head, embeddings and norms to float32, which evaluation does not
        if training.gradient_checkpointing:
            loaded.model.enable_input_require_grads()
        try:
            model = get_peft_model(loaded.model, LoraConfig(**common, task_type="CAUSAL_LM"))
        except ValueError as error:  # layers of a kind that PEFT cannot adapt
            raise UserError(
                f"lora.target_modules: {base} has layers that cannot be adapted: {first_line(error)}"
            ) from error
    name_base(model, base, targets)
    return model


def packing_fault(model: Any, base: Pin, longest: int) -> str | None:
    """Why rows of several examples cannot be trained on with this base, with the fix, or None; the weights are not looked at."""
    fault = documents_fault(model, longest)
    return fault and f"{base} cannot be trained on packed rows: {fault}; use --training.packing=false"


def require_packable(config: Any, base: Pin, longest: int) -> None:
    """Raises UserError for a base that cannot be trained on packed rows of `longest` tokens, before its weights are loaded."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"), loading(base, "causal language model"):
        model = AutoModelForCausalLM.from_config(
            config, dtype=torch.bfloat16, trust_remote_code=False
        )  # the type that products of experts are made for
    if fault := packing_fault(model, base, longest):
        raise UserError(fault)


def apply_kernels(model: Any, training: Training) -> tuple[str, str]:
    """Packed rows get attention within documents, and `fused_kernels` what this machine can fuse; on backend "trl".

    Returns how attention is computed, and what was fused, both for the record.
    """
    attention = use_documents_attention(model) if training.packing else str(model.config._attn_implementation)
    if not training.fused_kernels:
        return attention, "none"
    use_answer_loss(model)
    fault = "the base is shared out between GPUs" if training.shard_base else kernels_fault(model)
    if fault:
        return attention, f"loss over answers only: {fault}"
    from liger_kernel.transformers import _apply_liger_kernel_to_instance

    from training.model.fused_lora import fuse_lora

    _apply_liger_kernel_to_instance(model.get_base_model(), fused_linear_cross_entropy=False)
    return attention, f"loss over answers, Liger's layer kernels, {fuse_lora(model)} layers fused with their adapters"


def kernels_fault(model: Any) -> str | None:
    """Why this model cannot have fused layer kernels here, or None where it can."""
    if model.device.type != "cuda":
        return f"the other kernels need a CUDA GPU, this is {model.device.type}"
    try:
        from liger_kernel.transformers.monkey_patch import MODEL_TYPE_TO_APPLY_LIGER_FN as known
    except ImportError:
        return f"liger-kernel is not installed, {GPU_EXTRA} has it"
    kind = model.config.model_type
    return None if kind in known else f"Liger has no kernels for models of type {kind}"


def remove_kernels(model: Any) -> None:
    """Take off again what was put over the model from outside; Liger's kernels, which are in its modules, stay."""
    from training.model.fused_lora import unfuse_lora

    unfuse_lora(model)
    if model.config._attn_implementation == DOCUMENTS:
        model.set_attn_implementation("sdpa")


def name_base(model: Any, base: Pin, targets: list[str]) -> None:
    """Write repo and commit of the base into the adapter's own config: a path or a moving branch must not leak into it."""
    config = model.peft_config["default"]
    config.base_model_name_or_path, config.revision, config.target_modules = base.repo, base.revision, targets
    # Unsloth leaves its mark there; PEFT itself needs it for models without a task type only
    config.auto_mapping = None
