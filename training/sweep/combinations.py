"""The recipes of a sweep: every combination of the values that its settings take, and which settings may take several."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import product
from math import prod
from typing import Any

from titlecraft.errors import UserError, closest_setting
from titlecraft.process import distributed
from titlecraft.records import Pin
from titlecraft.settings import Lora, Recipe, Training
from training.data.validation_rows import SPLIT
from training.lost_settings import lost

MOST_RECIPES = 256
SWEPT_IN_TRAINING = (
    "learning_rate",
    "schedule",
    "warmup_steps",
    "optimizer",
    "weight_decay",
    "batch_size",
    "accumulation",
    "epochs",
    "max_steps",
    "neftune_noise_alpha",
)
SWEPT = (
    *(f"lora.{field.name}" for field in fields(Lora)),
    *(f"training.{field.name}" for field in fields(Training) if field.name in SWEPT_IN_TRAINING),
)
"""Settings that a sweep may choose. They change the adapter, and neither the rows nor the base, so losses are comparable."""
SECTIONS: dict[str, Any] = {section.name: section.default_factory for section in fields(Recipe)}
ALL_SETTINGS = [f"{name}.{field.name}" for name, settings in SECTIONS.items() for field in fields(settings)]


@dataclass(frozen=True)
class Combination:
    """One recipe of a sweep: its number, counted from 1, the values of the swept settings by dotted name, and all settings."""

    number: int
    settings: dict[str, Any]
    recipe: Recipe


def require_sweepable(key: str) -> None:
    """Raise UserError unless the setting with this dotted name may have several values in a sweep."""
    if key in SWEPT:
        return
    section = key.partition(".")[0]
    if key not in ALL_SETTINGS:
        close = closest_setting(key, [*SWEPT, *ALL_SETTINGS])
        hint = f"did you mean {close}?" if close else f"a sweep chooses {', '.join(SWEPT)}"
        raise UserError(f"unknown setting {key!r}; {hint}")
    if section in ("data", "prompt"):
        raise UserError(
            f"{key} decides the dataset, and another dataset is another experiment, with other validation rows: build each one "
            "and sweep over it by itself"
        )
    if section == "base":
        raise UserError(
            f"{key} decides the base and what is scored, so that losses could not be compared: sweep over each by itself"
        )
    if key == "training.seed":
        raise UserError(
            "training.seed is no choice between recipes, since the best of several seeds is luck: train the chosen recipe with "
            "three seeds and compare them by `titlecraft evaluate --compare A B C --out FOLDER`"
        )
    raise UserError(
        f"{key} does not decide what an adapter learns: give it one value; a sweep chooses {', '.join(SWEPT)}"
    )


@dataclass(frozen=True)
class SweepRequest:
    """The dataset, the repo and the recipes of a sweep.

    Args:
        dataset: NS/NAME[@REVISION].
        repo: NS/NAME of the adapter that the chosen recipe is for.
        recipe: the settings that are the same in all recipes.
        swept: dotted name of a setting -> its values.
        given: dotted name -> value of every setting from the recipe file or an option; recipe.yaml repeats them.
    """

    dataset: str
    repo: str
    recipe: Recipe
    swept: Mapping[str, list[Any]]
    given: Mapping[str, Any] = field(default_factory=dict)

    def combinations(self) -> list[Combination]:
        """The recipes to train. Raises UserError if one process with one loaded base cannot train and compare them."""
        training = self.recipe.training
        if distributed.world_size() > 1:
            raise UserError("titlecraft sweep runs in one process over one loaded base: start it without torchrun")
        if training.backend != "trl":
            raise UserError(
                f"titlecraft sweep needs --training.backend=trl: {training.backend}, which this recipe has, changes the base when it "
                "adds an adapter, so that a second one could not be trained on it"
            )
        if training.shard_base:
            raise UserError(
                "titlecraft sweep runs in one process over one loaded base: set --training.shard_base=false"
            )
        return combine(self.recipe, self.swept)


def combine(recipe: Recipe, swept: Mapping[str, list[Any]]) -> list[Combination]:
    """All combinations of the swept values; the last setting varies fastest.

    Args:
        recipe: all other settings.
        swept: dotted name -> its values, of the setting's own type.

    Raises UserError for fewer than two combinations, more than MOST_RECIPES, or a repeated value.
    """
    for key, values in swept.items():
        require_sweepable(key)
        counts = Counter(map(repr, values))
        if repeated := [value for value, count in counts.items() if count > 1]:
            raise UserError(f"{key} has the value {repeated[0]} {counts[repeated[0]]} times: expected different values")
    count = prod(len(values) for values in swept.values())
    if count < 2:
        raise UserError(
            "titlecraft sweep: there is one recipe, and nothing to choose: give a setting several values, such as "
            "--sweep training.learning_rate=1e-4,2e-4,5e-4, or a list in the recipe file"
        )
    if count > MOST_RECIPES:
        sizes = " × ".join(f"{len(values)} ({key})" for key, values in swept.items())
        raise UserError(
            f"titlecraft sweep: {sizes} are {count:,} recipes: expected at most {MOST_RECIPES}; leave values out"
        )
    settings = [dict(zip(swept, values, strict=True)) for values in product(*swept.values())]
    return [Combination(number, chosen, with_settings(recipe, chosen)) for number, chosen in enumerate(settings, 1)]


def with_settings(recipe: Recipe, settings: dict[str, Any]) -> Recipe:
    """The recipe with these settings, by dotted name."""
    for key, value in settings.items():
        section, _, name = key.partition(".")
        recipe = replace(recipe, **{section: replace(getattr(recipe, section), **{name: value})})
    return recipe


def no_effect(swept: Mapping[str, list[Any]], recipe: Recipe, config: Any, items: int, steps: int) -> str | None:
    """Why a swept setting is not used in one of the recipes, or None. The arguments are those of `lost`."""
    notes = lost(recipe.training, recipe.base, config, swept, items=items, steps=steps)
    unused = [note for note in notes if note.startswith(tuple(f"{key} " for key in swept)) and "is not used" in note]
    return unused[0] if unused else None


def no_rows(data: Pin, recipe: Recipe, available: int) -> str | None:
    """Why there is nothing to judge recipes on, or None; `available` rows are in the validation split."""
    judges = f"titlecraft sweep judges recipes on rows of the {SPLIT} split"
    if not recipe.training.validation_rows:
        return f"{judges}: set another --training.validation_rows than 0"
    if not available:
        return f"{judges}, and {data} has none: build the dataset with a larger --data.validation_share"
    return None
