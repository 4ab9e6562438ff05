"""Which layers of a base get a LoRA update, and how many parameters that trains; from the layers' shapes alone."""

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


def require_lora_targets(model: PreTrainedModel, lora: Lora, base: Pin) -> None:
    """Raises UserError if lora.target_modules names a layer twice, a layer that the base lacks, or the output head."""
    targets = lora.target_modules
    if repeated := sorted({name for name in targets if targets.count(name) > 1}):
        raise UserError(f"lora.target_modules names {', '.join(repeated)} more than once: name each layer once")
    head = model.get_output_embeddings()
    linear_layers = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if size_of(module)}
    heads = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if module is head}
    allowed = sorted(linear_layers - heads)
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
