"""Put packed attention, the loss over answers and fused kernels over a model, and take them off again."""

from peft import PeftModel

from titlecraft.models.attention.document import DOCUMENTS, documents_fault, use_documents_attention
from titlecraft.settings import Training
from training.model.answer_loss import use_answer_loss
from training.model.fused_lora import fuse_lora, unfuse_lora


def apply_kernels(model: PeftModel, training: Training) -> tuple[str, str]:
    """Apply attention within documents for packed rows, and the fused kernels that this machine and model support.

    Returns how attention is computed and what is fused, both as sentences for the record. For backend "trl".
    """
    unpadded = training.packing or unpads(model, training)
    attention = use_documents_attention(model) if unpadded else str(model.config._attn_implementation)
    if not training.fused_kernels:
        return attention, "none"
    use_answer_loss(model)
    if model.device.type == "cpu":
        return attention, f"loss over answers, {fuse_lora(model)} layers fused with their adapters"
    if fault := kernels_fault(model):
        return attention, f"loss over answers only: {fault}"
    from liger_kernel.transformers import _apply_liger_kernel_to_instance  # pyright: ignore[reportMissingImports]

    _apply_liger_kernel_to_instance(model.get_base_model(), fused_linear_cross_entropy=False)
    fused = fuse_lora(model)
    layers = f"{fused} layers fused with their adapters" if fused else "no layer fused with its adapter (DoRA)"
    return attention, f"loss over answers, Liger's layer kernels, {layers}"


def unpads(model: PeftModel, training: Training) -> bool:
    """Whether the examples of a batch are laid end to end in one row, without padding: with fused kernels on a CPU.

    A GPU hides the padding of a small batch; on a CPU each padded token costs what a token costs.
    """
    on_cpu = model.device.type == "cpu" and training.fused_kernels
    return on_cpu and documents_fault(model.get_base_model()) is None


def kernels_fault(model: PeftModel) -> str | None:
    """The reason why this model cannot have fused layer kernels on this machine, or None if it can."""
    if model.device.type != "cuda":
        return f"the other kernels need a CUDA GPU, this is {model.device.type}"
    try:
        from liger_kernel.transformers.monkey_patch import (  # pyright: ignore[reportMissingImports]
            MODEL_TYPE_TO_APPLY_LIGER_FN,
        )
    except ImportError:
        return 'liger-kernel is not installed, pip install "titlecraft[gpu]" has it'
    model_type = model.config.model_type
    if model_type in MODEL_TYPE_TO_APPLY_LIGER_FN:
        return None
    return f"Liger has no kernels for models of type {model_type}"


def remove_kernels(model: PeftModel) -> None:
    """Restore PEFT's LoRA layers and plain attention. Liger's kernels are part of the modules and stay."""
    unfuse_lora(model)
    if model.config._attn_implementation == DOCUMENTS:
        model.set_attn_implementation("sdpa")
