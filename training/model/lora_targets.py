"""Which layers of a base get a LoRA update, and how many parameters that trains; from the layers' shapes alone."""

from dataclasses import replace

from torch import nn
from transformers import PreTrainedModel

from titlecraft.errors import UserError
from titlecraft.models.base.config import size_of
from titlecraft.records import Pin
from titlecraft.settings import Lora


def expected_trainable(model: nn.Module, lora: Lora, target_modules: list[str]) -> int:
    """Number of LoRA parameters: r · (inputs + outputs), summed over the target layers (Hu et al. 2021, section 4.1).

    DoRA has a magnitude for each output beside them.
    """
    sizes = [size_of(module) for name, module in model.named_modules() if name.rsplit(".", 1)[-1] in target_modules]
    return sum(lora.r * (size[0] + size[1]) + (size[1] if lora.variant == "dora" else 0) for size in sizes if size)


REFUSED = {"mamba": ("out_proj", "dt_proj"), "falcon_mamba": ("out_proj", "dt_proj"), "mamba2": ("out_proj",)}
"""Type of model -> linear layers that PEFT does not adapt, or whose weights the model reads past PEFT."""


def with_targets(lora: Lora, model: PreTrainedModel) -> Lora:
    """The settings with the names of the layers to adapt: those of the recipe, or else all linear layers but the output head.

    The names are in the order of the model. PEFT calls the same choice "all-linear".
    """
    if lora.target_modules is not None:
        return lora
    head = model.get_output_embeddings()
    linear = {name.rsplit(".", 1)[-1]: module for name, module in model.named_modules() if size_of(module)}
    left_out = REFUSED.get(model.config.model_type, ())
    return replace(
        lora, target_modules=[name for name, module in linear.items() if module is not head and name not in left_out]
    )


def require_lora_targets(model: PreTrainedModel, lora: Lora, base: Pin) -> None:
    """Raises UserError if lora.target_modules names a layer twice, a layer that the base lacks, or the output head."""
    targets = with_targets(lora, model).target_modules or []
    if repeated := sorted({name for name in targets if targets.count(name) > 1}):
        raise UserError(f"lora.target_modules names {', '.join(repeated)} more than once: name each layer once")
    head = model.get_output_embeddings()
    linear_layers = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if size_of(module)}
    heads = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if module is head}
    allowed = sorted(linear_layers - heads)
    if not targets:
        raise UserError(f"{base} has no linear layers that an adapter could be put on: set another base.repo")
    proposal = "--lora.target_modules='[" + ", ".join(f'"{name}"' for name in allowed) + "]'"
    if targeted_heads := sorted(set(targets) & heads):
        raise UserError(
            f"lora.target_modules: {targeted_heads[0]} is the output head of {base}, which stays as it is (it may share its "
            f"weights with the embeddings): name layers below it, such as {proposal}"
        )
    if missing := sorted(set(targets) - linear_layers):
        raise UserError(
            f"lora.target_modules: {base} has no layers named {', '.join(missing)}; it has {', '.join(allowed)}: "
            f"set {proposal}, or some of them"
        )


def require_init(lora: Lora, model: nn.Module, base: Pin, quantization: str, published: str) -> None:
    """Raises UserError if this base cannot have the adapter's initial weights or its kind. Reads no weights.

    Args:
        model: the base, which may be on the meta device.
        quantization: how it will be loaded.
        published: how it is published.
    """
    if lora.variant != "dora" and lora.init == "default":
        return
    name = f"lora.init {lora.init}" if lora.init != "default" else "lora.variant dora"
    if lora.changes_base and quantization != "none":
        fix = (
            "--base.quantization=none"
            if published == "none"
            else "base.repo to one that is published in full precision"
        )
        raise UserError(
            f"{name} needs weights that are not quantised, and {base} is loaded in {quantization}: set {fix}"
        )
    if lora.init == "loftq" and published != "none":
        raise UserError(
            f"{name} reads the weights in full precision, and {base} is published in {published}: set base.repo to the model that "
            "it was made from, or --lora.init=default"
        )
    if lora.init == "loftq" and quantization != "nf4":
        raise UserError(
            f"{name} makes up for the rounding of 4-bit weights: set --base.quantization=nf4, or --lora.init=default"
        )
    for layer_name, layer in model.named_modules():
        if layer_name.rpartition(".")[2] not in (lora.target_modules or []):
            continue
        if type(layer).__name__ == "Conv1D":
            raise UserError(
                f"{name} cannot start from layers of GPT-2's kind (Conv1D), which {base} has: set --lora.init=default --lora.variant=lora"
            )
        size = size_of(layer)
        if size and lora.init != "default" and lora.r > min(size):
            raise UserError(
                f"{name}: lora.r {lora.r} is more than the {min(size)} singular values of {layer_name} of {base}: set a smaller --lora.r"
            )
