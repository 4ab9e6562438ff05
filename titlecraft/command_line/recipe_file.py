"""A recipe by name or file: finding it, reading it, and naming file and line of a mistake in it."""

import difflib
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jsonargparse import ArgumentError, ArgumentParser

import titlecraft
from titlecraft.command_line import setting_errors
from titlecraft.command_line.chosen_recipe import CHOSEN
from titlecraft.command_line.help import did_you_mean
from titlecraft.command_line.recipe_yaml import dotted_keys, read_yaml
from titlecraft.command_line.renamed_settings import with_new_names
from titlecraft.errors import UserError, closest_setting
from titlecraft.settings import RENAMED, Recipe

# the last three: values with thousands of digits or nested brackets
PARSER_ERRORS = (ArgumentError, ValueError, OverflowError, RecursionError)
SECTIONS: dict[str, Any] = {section.name: section.default_factory for section in fields(Recipe)}


def recipe_folders() -> list[Path]:
    """Return the folders with named recipes: in the installed package, or in the checkout."""
    package = Path(titlecraft.__file__).parent
    return [folder for folder in (package / "recipes", package.parent / "recipes") if folder.is_dir()]


def recipe_files() -> dict[str, Path]:
    """Return the file of each named recipe."""
    return {file.stem: file for folder in reversed(recipe_folders()) for file in sorted(folder.glob("*.yaml"))}


def recipe_file(recipe: str) -> Path:
    """Return the file of a recipe given by name or path. Raises UserError with the known names."""
    if recipe.endswith((".yaml", ".yml")):
        if not Path(recipe).is_file():
            raise UserError(f"--recipe {recipe}: no such file")
        return Path(recipe)
    known = recipe_files()
    if recipe not in known:
        hint = did_you_mean(recipe, known)
        raise UserError(f"--recipe {recipe}: no such recipe{hint}; there are {', '.join(known)}, or give a FILE.yaml")
    return known[recipe]


@cache
def section_parser(section: str) -> ArgumentParser:
    """Return a parser with the options of one section."""
    parser = ArgumentParser(exit_on_error=False, add_help=False)
    parser.add_class_arguments(SECTIONS[section], section)
    return parser


def read_recipe(file: Path, swept: dict[str, list[Any]] | None = None) -> dict[str, Any]:
    """Return a recipe as dotted keys and values, checked against the dataclasses. Raises UserError with the line.

    With `swept`, a setting may have a list of values: the list goes there, and the setting is left out of the recipe.
    """
    tree, values = read_yaml(file)
    if not isinstance(values, dict) or not all(isinstance(value, dict) for value in values.values()):
        raise UserError(f"{file}: expected sections ({', '.join(SECTIONS)}), each with its settings below it")
    known = [f"{name}.{field.name}" for name, kind in SECTIONS.items() for field in fields(kind)]
    values = with_new_names({name: section for name, section in values.items() if name != CHOSEN}, file)
    for key, line in dotted_keys(tree):
        if key not in known and key not in RENAMED and key.partition(".")[0] != CHOSEN and key not in SECTIONS:
            close = closest_setting(key, known) if "." in key else None
            close = close or next(iter(difflib.get_close_matches(key, [*SECTIONS], n=1)), None)
            hint = f"did you mean {close!r}?" if close else f"the sections are {', '.join(SECTIONS)}"
            raise UserError(f"{file}:{line}: unknown key {key!r}; {hint}")
    lines = {RENAMED.get(key, key): line for key, line in dotted_keys(tree)}
    dotted = {f"{section}.{key}": value for section, settings in values.items() for key, value in settings.items()}
    whole = {section for section, settings in values.items() if swept is None and fits(section, settings)}
    for key, value in list(dotted.items()):
        if key.partition(".")[0] in whole:
            continue
        try:
            if swept is not None and has_several(key, value):
                swept[key] = [typed_value(key, one) for one in dotted.pop(key)]
            else:
                typed_value(key, value)
        except UserError as error:
            raise UserError(f"{file}:{lines[key]}: {str(error).removeprefix('--')}") from error
    return dotted


def fits(section: str, settings: dict[str, Any]) -> bool:
    """Whether all settings of a section have their types and bounds. One parse is much faster than one for each setting."""
    try:
        typed_section(section, settings)
    except UserError:
        return False
    return True


def has_several(key: str, value: Any) -> bool:
    """Whether a value in a recipe is a list of values, for a setting that is a list itself a list of lists."""
    section, _, name = key.partition(".")
    is_list = any(field.name == name and "list[" in str(field.type) for field in fields(SECTIONS[section]))
    return isinstance(value, list) and bool(value) and (not is_list or all(isinstance(one, list) for one in value))


def typed_value(key: str, value: Any) -> Any:
    """Return the value of a setting, by dotted name, in the setting's own type.

    Raises UserError if it has another type or is out of bounds.
    """
    section, _, name = key.partition(".")
    return getattr(typed_section(section, {name: value}), name)


def typed_section(section: str, settings: dict[str, Any]) -> Any:
    """Return a section of the recipe with these settings, by name; see `typed_value`."""
    parser = section_parser(section)
    try:
        built = parser.instantiate(parser.parse_object({section: settings}))[section]
    except PARSER_ERRORS as error:
        raise UserError(setting_errors.of_parser(error)) from error
    require_bounds(Recipe(**{section: built}))
    return built


def require_bounds(recipe: Recipe) -> None:
    """Raise UserError for the first setting that is out of bounds or not a number."""
    try:
        msgspec.convert(msgspec.to_builtins(recipe), Recipe)
    except msgspec.ValidationError as error:
        raise UserError(setting_errors.of_bounds(error)) from error
