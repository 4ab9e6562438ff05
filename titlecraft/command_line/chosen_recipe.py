"""The section `chosen` of a recipe file, which `titlecraft sweep` writes and `titlecraft train` puts into the record."""

from pathlib import Path

import msgspec

from titlecraft.command_line.recipe_yaml import read_yaml
from titlecraft.errors import UserError
from titlecraft.records import Chosen
from titlecraft.settings import Recipe

CHOSEN = "chosen"


def read_chosen(file: Path) -> Chosen | None:
    """Return the section `chosen` of a recipe file, or None. Raises UserError if a sweep did not write it so."""
    _, values = read_yaml(file)
    if not isinstance(values, dict) or CHOSEN not in values:
        return None
    try:
        return msgspec.convert(values[CHOSEN], Chosen, strict=True)
    except msgspec.ValidationError as error:
        raise UserError(
            f"{file}: the section chosen is not as `titlecraft sweep` writes it ({error}): take it out, or sweep again"
        ) from error


def still_chosen(chosen: Chosen | None, recipe: Recipe) -> Chosen | None:
    """Return what a recipe file says of its sweep if the recipe has the chosen settings; else print a note and return None."""
    if chosen is None:
        return None
    for key, value in chosen.settings.items():
        section, _, name = key.partition(".")
        own = getattr(getattr(recipe, section, None), name, None)
        if own != value:
            print(
                f"note: the recipe says that {key} {value} was chosen by a sweep, and here it is {own}: the record and the card do not "
                "say that this recipe was chosen"
            )
            return None
    return chosen
