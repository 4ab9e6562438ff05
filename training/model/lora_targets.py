"""Which layers of a base get a LoRA update, and how many parameters that trains; from the layers' shapes alone."""

from dataclasses import replace

from torch import nn
from transformers import PreTrainedModel

from titlecraft.errors import UserError
from titlecraft.models.base.config import size_of
from titlecraft.records import Pin
from titlecraft.settings import Lora


def expected_trainable(model: nn.Module, r: int, target_modules: list[str]) -> int:
    """Number of LoRA parameters: r · (inputs + outputs), summed over the target layers (Hu et al. 2021, section 4.1)."""
    sizes = [size_of(module) for name, module in model.named_modules() if name.rsplit(".", 1)[-1] in target_modules]
    return sum(r * (size[0] + size[1]) for size in sizes if size)


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
