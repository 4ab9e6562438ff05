"""What is known of a base before its weights are loaded, and what is refused by it: the same for --dry-run and for a training."""

from dataclasses import dataclass
from typing import Any

from titlecraft.errors import UserError
from titlecraft.models.base.config import load_config, on_meta, size_of
from titlecraft.models.base.files import files_of, require_weights, require_whole_headers
from titlecraft.models.base.quantisation import published_as
from titlecraft.models.base.tokenizer import load_tokenizer
from titlecraft.records import Pin
from titlecraft.settings import Recipe
from training.checks import expected_trainable


@dataclass(frozen=True)
class KnownBase:
    """A base that can be trained, as far as its config, tokenizer and file names tell.

    Args:
        config: from transformers.
        tokenizer: its tokenizer, with a pad token.
        quantization: how it will be loaded: as it is published, or as the recipe asks where it is published in full.
        parameters, trainable: numbers of the base and of the adapter that the recipe puts on it.
    """

    config: Any
    tokenizer: Any
    quantization: str
    parameters: int
    trainable: int


def inspect_base(base: Pin, recipe: Recipe) -> KnownBase:
    """Everything that can be asked of a base without its weights. Raises UserError for a base that cannot be trained so."""
    files = files_of(base)
    config = load_config(base, files)
    require_weights(base, files)
    require_whole_headers(base, files)
    tokenizer = load_tokenizer(base)
    published = published_as(config, base)
    if published == "int8" and recipe.training.shard_base:
        raise UserError(
            f"training.shard_base cannot share out {base}, which is published in 8 bit: set --training.shard_base=false"
        )
    model = on_meta(config, base)
    require_lora_targets(model, recipe.lora, base)
    return KnownBase(
        config=config, tokenizer=tokenizer, quantization=recipe.base.quantization if published == "none" else published,
        parameters=model.num_parameters(), trainable=expected_trainable(model, recipe.lora.r, recipe.lora.target_modules),
    )  # fmt: skip


def require_lora_targets(model: Any, lora: Any, base: Pin) -> None:
    """Raises UserError where lora.target_modules names a layer twice, one that the base lacks, or its output head."""
    targets = lora.target_modules
    if twice := sorted({name for name in targets if targets.count(name) > 1}):
        raise UserError(f"lora.target_modules names {', '.join(twice)} more than once: name each layer once")
    head = model.get_output_embeddings()
    names = {name.rsplit(".", 1)[-1]: module for name, module in model.named_modules() if size_of(module)}
    heads = {name.rsplit(".", 1)[-1] for name, module in model.named_modules() if module is head}
    there = sorted(set(names) - heads)
    proposal = "--lora.target_modules='[" + ", ".join(f'"{name}"' for name in there) + "]'"
    if wrong := sorted(set(targets) & heads):
        raise UserError(
            f"lora.target_modules: {wrong[0]} is the output head of {base}, which stays as it is (it may share its weights with "
            f"the embeddings): name layers below it, such as {proposal}"
        )
    if missing := sorted(set(targets) - set(names)):
        raise UserError(
            f"lora.target_modules: {base} has no layers named {', '.join(missing)}; it has {', '.join(there)}: "
            f"set {proposal}, or some of them"
        )
