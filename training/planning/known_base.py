"""Inspect a base model without its weights: its config, tokenizer and sizes. Used by --dry-run and by every training."""

from dataclasses import dataclass

from transformers import PretrainedConfig, PreTrainedTokenizerBase

from titlecraft.errors import UserError
from titlecraft.models.base.config import load_config, on_meta
from titlecraft.models.base.files import files_of, require_weights, require_whole_headers
from titlecraft.models.base.quantisation import published_as
from titlecraft.models.base.tokenizer import load_tokenizer
from titlecraft.records import Pin
from titlecraft.settings import Lora, Recipe
from training.model.lora_targets import expected_trainable, require_init, require_lora_targets, with_targets


@dataclass(frozen=True)
class KnownBase:
    """A base that can be trained, as far as its config, tokenizer and file list show.

    Args:
        config: its transformers config.
        tokenizer: its tokenizer, with a pad token.
        quantization: how it will be loaded: as it is published if it is quantised already, else as the recipe says.
        parameters: number of parameters of the base.
        trainable: number of parameters of the recipe's adapter.
        lora: the recipe's adapter, with the names of its layers.
    """

    config: PretrainedConfig
    tokenizer: PreTrainedTokenizerBase
    quantization: str
    parameters: int
    trainable: int
    lora: Lora


def inspect_base(base: Pin, recipe: Recipe) -> KnownBase:
    """Inspect a base at its pin. Raises UserError if it cannot be trained with this recipe."""
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
    lora = with_targets(recipe.lora, model)
    quantization = recipe.base.quantization if published == "none" else published
    require_init(lora, model, base, quantization, published)
    return KnownBase(
        config=config,
        tokenizer=tokenizer,
        quantization=quantization,
        parameters=model.num_parameters(),
        trainable=expected_trainable(model, lora, lora.target_modules or []),
        lora=lora,
    )
