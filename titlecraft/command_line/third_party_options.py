"""The options for an adapter that has no training record: its dataset, its base, and the settings that no record names."""

from argparse import ArgumentParser
from typing import TYPE_CHECKING, Any

from titlecraft.errors import UserError
from titlecraft.settings import Recipe

if TYPE_CHECKING:
    from titlecraft.models.adapter.third_party import Stated

SETTINGS = [
    "data.title_column",
    "data.content_column",
    "data.validation_share",
    "data.test_share",
    "data.seed",
    "prompt.product_word",
    "prompt.instruction",
    "prompt.question",
    "prompt.format",
    "base.quantization",
    "base.max_length",
]
"""Settings that a training record has, and that an adapter without one needs."""

DATASET = (
    "for an adapter without a training record, of any program that saves LoRA with PEFT: the dataset, built by Titlecraft or in one "
    "of the formats that `titlecraft train` reads"
)
BASE = "its base model (default: the one that adapter_config.json names)"
RECIPE = f"its recipe, a name or a YAML file, for the settings {', '.join(SETTINGS)}"


def add_stated(parser: ArgumentParser) -> None:
    """Add the options to a verb that has no settings of its own."""
    parser.add_argument("--dataset", metavar="NS/NAME", help=DATASET)
    parser.add_argument("--base", "--base-model", dest="base", metavar="NS/NAME", help=BASE)
    parser.add_argument("--recipe", help=RECIPE)


def stated_of(options: Any) -> "Stated | None":
    """Return what the options state about the adapter; None without --dataset. Raises UserError for --base without it."""
    if not options.dataset:
        if options.base or options.recipe:
            raise UserError(
                "--base and --recipe are for an adapter without a training record: give its --dataset too, or leave them out"
            )
        return None
    recipe = Recipe()
    if options.recipe:
        from titlecraft.command_line.recipe_options import StageParser

        stage = StageParser("ask", "", [*SETTINGS, "generation"])
        recipe, _ = stage.parse(["--recipe", options.recipe])
    return stated_with(options.dataset, options.base, recipe)


def stated_with(dataset: str, base: str | None, recipe: Recipe) -> "Stated":
    """Return what is stated about an adapter, after checking the names. Raises UserError."""
    from titlecraft.hub.pins import split_revision
    from titlecraft.models.adapter.third_party import Stated

    for repo in (dataset, base):
        if repo is not None:
            split_revision(repo)
    return Stated(dataset, base, recipe)
