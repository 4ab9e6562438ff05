"""Settings with several values, for `titlecraft sweep`: lists in a recipe file, or `--sweep key=a,b,c`."""

from pathlib import Path
from typing import Any

import yaml

from titlecraft.command_line.recipe_file import read_recipe, typed_value
from titlecraft.command_line.recipe_options import StageParser
from titlecraft.command_line.recipe_yaml import dotted_keys, read_yaml
from titlecraft.errors import UserError
from titlecraft.settings import RENAMED


class SweepParser(StageParser):
    """The command line of a stage whose settings may have several values in the recipe file; these are in `swept`."""

    def __init__(self, verb: str, description: str, sections: list[str]) -> None:
        super().__init__(verb, description, sections)
        self.swept: dict[str, list[Any]] = {}

    def read(self, file: Path) -> dict[str, Any]:
        """Return the settings of a recipe file that have one value; sets `swept`. Raises UserError with the line."""
        from training.sweep.combinations import require_sweepable

        values = read_recipe(file, self.swept)
        lines = {RENAMED.get(key, key): line for key, line in dotted_keys(read_yaml(file)[0])}
        for key in self.swept:
            try:
                require_sweepable(key)
            except UserError as error:
                raise UserError(f"{file}:{lines[key]}: {error}") from error
        return values


def of_option(option: str) -> tuple[str, list[Any]]:
    """Return name and values of `--sweep key=a,b,c`; a list among the values is written [a,b]. Raises UserError."""
    from training.sweep.combinations import require_sweepable

    key, equals, text = option.partition("=")
    key = key.strip().removeprefix("--")
    if not equals or not text.strip():
        raise UserError(
            f"--sweep {option}: expected a setting with its values, such as training.learning_rate=1e-4,5e-4"
        )
    try:
        require_sweepable(key)
        values = yaml.safe_load(f"[{text}]")
    except UserError as error:
        raise UserError(f"--sweep {option}: {error}") from error
    except yaml.YAMLError as error:
        raise UserError(f"--sweep {option}: expected values between commas, such as {key}=1,2,4") from error
    try:
        return key, [typed_value(key, value) for value in values]
    except UserError as error:
        raise UserError(f"--sweep {option}: {str(error).removeprefix('--')}") from error


def all_swept(parser: SweepParser, options: list[str]) -> dict[str, list[Any]]:
    """Return every swept setting with its values; an option replaces a list of the recipe file.

    Raises UserError for a setting that has one value by an option too, or is swept twice.
    """
    by_option: dict[str, list[Any]] = {}
    for option in options:
        key, values = of_option(option)
        if key in by_option:
            raise UserError(f"--sweep {option}: {key} is swept by another --sweep already: give all values in one")
        by_option[key] = values
    swept = parser.swept | by_option
    for key in swept:
        if key in parser.by_option:
            raise UserError(f"--{key} gives one value to a setting that is swept: leave one of the two out")
    return swept
