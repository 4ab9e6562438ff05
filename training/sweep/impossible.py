"""Recipes of a sweep that the base cannot have. Found from the base's config, before any weights are loaded."""

from collections.abc import Sequence
from typing import Any

from titlecraft.errors import UserError
from titlecraft.models.base.config import load_config, on_meta
from titlecraft.models.base.quantisation import published_as
from titlecraft.records import Pin
from titlecraft.settings import Recipe
from training.adapter_settings import adapter_fault
from training.lost_settings import fault
from training.model.lora_targets import require_init, require_lora_targets, with_targets
from training.sweep.combinations import Combination


def find_impossible(combinations: Sequence[Combination], base: Pin) -> dict[int, str]:
    """Number of each recipe that this base cannot have -> why. Raises UserError if the base has no usable config."""
    config = load_config(base)
    model, published = on_meta(config, base), published_as(config, base)
    reasons = {one.number: why_impossible(one.recipe, model, base, published) for one in combinations}
    return {number: reason for number, reason in reasons.items() if reason}


def why_impossible(recipe: Recipe, model: Any, base: Pin, published: str) -> str | None:
    """Why the base cannot be trained with this recipe, or None.

    Args:
        model: the base, which may be on torch's device "meta".
        published: how its weights are quantised as published.
    """
    lora, training = recipe.lora, recipe.training
    if message := fault(training) or adapter_fault(lora, training):
        return message
    quantization = recipe.base.quantization if published == "none" else published
    try:
        require_lora_targets(model, lora, base)
        require_init(with_targets(lora, model), model, base, quantization, published)
    except UserError as error:
        return str(error)
    return None


def in_lines(reasons: dict[int, str]) -> list[str]:
    """One line for each reason, with the numbers of its recipes."""
    numbers: dict[str, list[int]] = {}
    for number, reason in reasons.items():
        numbers.setdefault(reason, []).append(number)
    return [
        f"{'recipe' if len(of) == 1 else 'recipes'} {', '.join(map(str, of))}: {reason}"
        for reason, of in numbers.items()
    ]


def require_possible(combinations: Sequence[Combination], base: Pin) -> None:
    """Raises UserError, before any work, if the base cannot have one of the recipes."""
    if lines := in_lines(find_impossible(combinations, base)):
        raise UserError(f"titlecraft sweep: {lines[0]}; or leave these recipes' values out")
