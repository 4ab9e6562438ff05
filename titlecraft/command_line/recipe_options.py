"""Command lines from the dataclasses of settings.py: a recipe by name or file, then --section.key=value.

jsonargparse makes the options, their help and their type checks. This module finds a recipe, names file and line of a
mistake in it, and gives each stage only the sections that it reads.
"""

import argparse
import difflib
import json
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from jsonargparse import ArgumentError, ArgumentParser, Namespace

import titlecraft
from titlecraft.command_line import setting_errors
from titlecraft.command_line.help import HUB, USAGE, SettingsHelp, did_you_mean, examples
from titlecraft.command_line.recipe_yaml import dotted_keys, read_yaml
from titlecraft.command_line.renamed_settings import with_new_name, with_new_names
from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError
from titlecraft.settings import RENAMED, Recipe

# the last three: values with thousands of digits or nested brackets
PARSER_ERRORS = (ArgumentError, ValueError, OverflowError, RecursionError)
COMMA_LISTS = ("--data.content_columns", "--data.keep_columns")  # lists of names, which hold no commas
SECTIONS: dict[str, Any] = {section.name: section.default_factory for section in fields(Recipe)}
OF_ANOTHER_STAGE = {"prompt.format"}
"""Settings that a stage reads only if it names them, not with their section."""


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


def read_recipe(file: Path) -> dict[str, Any]:
    """Return a recipe as dotted keys and values, checked against the dataclasses. Raises UserError with the line."""
    tree, values = read_yaml(file)
    if not isinstance(values, dict) or not all(isinstance(value, dict) for value in values.values()):
        raise UserError(f"{file}: expected sections ({', '.join(SECTIONS)}), each with its settings below it")
    known = [f"{name}.{field.name}" for name, kind in SECTIONS.items() for field in fields(kind)]
    values = with_new_names(values, file)
    for key, line in dotted_keys(tree):
        if key not in known and key not in RENAMED and key not in SECTIONS:
            close = difflib.get_close_matches(key, [*known, *SECTIONS], n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"the sections are {', '.join(SECTIONS)}"
            raise UserError(f"{file}:{line}: unknown key {key!r}; {hint}")
    lines = {RENAMED.get(key, key): line for key, line in dotted_keys(tree)}
    dotted = {f"{section}.{key}": value for section, settings in values.items() for key, value in settings.items()}
    for key, value in dotted.items():
        try:
            section, _, name = key.partition(".")
            require_setting(section, name, value)
        except UserError as error:
            raise UserError(f"{file}:{lines[key]}: {str(error).removeprefix('--')}") from error
    return dotted


def require_setting(section: str, name: str, value: Any) -> None:
    """Raise UserError if the value of a setting has another type or is out of bounds."""
    parser = section_parser(section)
    try:
        built = parser.instantiate(parser.parse_object({section: {name: value}}))[section]
    except PARSER_ERRORS as error:
        raise UserError(setting_errors.of_parser(error)) from error
    require_bounds(Recipe(**{section: built}))


def require_bounds(recipe: Recipe) -> None:
    """Raise UserError for the first setting that is out of bounds or not a number."""
    try:
        msgspec.convert(msgspec.to_builtins(recipe), Recipe)
    except msgspec.ValidationError as error:
        raise UserError(setting_errors.of_bounds(error)) from error


def with_lists(arguments: list[str]) -> list[str]:
    """Return the arguments with the values of COMMA_LISTS, `a,b`, as lists."""
    listed, name = [], ""
    for argument in arguments:
        option, equals, value = argument.partition("=")
        if name in COMMA_LISTS:
            argument = as_list(argument)
        elif equals and option in COMMA_LISTS:
            argument = f"{option}={as_list(value)}"
        listed.append(argument)
        name = argument
    return listed


def as_list(value: str) -> str:
    """Return names between commas as a JSON list; a list stays."""
    if value.startswith("[") or value == "null":
        return value
    return json.dumps([name.strip() for name in value.split(",") if name.strip()])


def settings_of(name: str) -> set[str]:
    """Return the dotted names of a section's settings that no other stage reads alone; of a single setting, itself."""
    if "." in name:
        return {name}
    return {f"{name}.{field.name}" for field in fields(SECTIONS[name])} - OF_ANOTHER_STAGE


class StageParser:
    """The command line of one stage: its own options, `--recipe`, and the settings that it reads.

    `sections` names sections, or single settings of a section, such as "prompt.format".
    """

    def __init__(self, verb: str, description: str, sections: list[str]) -> None:
        self.given: frozenset[str] = frozenset()
        self.parser = ArgumentParser(
            prog=f"titlecraft {verb}",
            usage=f"titlecraft {verb} {USAGE[verb]}" if verb in USAGE else None,
            description=description,
            epilog=examples(verb) or None,
            formatter_class=SettingsHelp,
            exit_on_error=False,
            allow_abbrev=False,
        )
        self.usage = USAGE.get(verb, "").split()
        self.parser.add_argument(
            "--recipe", help="name of a recipe, or a YAML file; unset takes the defaults shown below"
        )
        self.parser.add_argument("--hub", help=HUB)
        self.add = self.parser.add_argument
        self.settings = {name for names in sections for name in settings_of(names)}
        for section in dict.fromkeys(name.partition(".")[0] for name in sections):
            skipped = {
                field.name for field in fields(SECTIONS[section]) if f"{section}.{field.name}" not in self.settings
            }
            self.parser.add_class_arguments(SECTIONS[section], section, skip={*skipped})

    def word_help(self) -> None:
        """Mark the options that the usage requires, and hide the options that read one section from a file."""
        for action in self.parser._actions:
            action.is_needed = bool({*action.option_strings} & {*self.usage})  # pyright: ignore[reportAttributeAccessIssue]
            if action.dest in SECTIONS:
                action.help = argparse.SUPPRESS

    def parse(self, arguments: list[str]) -> tuple[Recipe, Namespace]:
        """Return the recipe with its overrides, and the stage's own options. `--help` prints and exits.

        Sets `given` to the dotted names of all settings in the recipe file or the options. Raises UserError.
        """
        arguments = with_lists([with_new_name(argument) for argument in arguments])
        recipe_option = VerbParser(prog=self.parser.prog, add_help=False)
        recipe_option.add_argument("--recipe")
        name = recipe_option.parse_known_args(arguments)[0].recipe
        from_file = read_recipe(recipe_file(name)) if name else {}
        self.word_help()
        self.parser.set_defaults({key: value for key, value in from_file.items() if key in self.settings})
        try:
            parsed = self.parser.parse_args(arguments)
        except PARSER_ERRORS as error:
            message = setting_errors.of_parser(error)
            hint = setting_errors.closest(
                message, [name for action in self.parser._actions for name in action.option_strings]
            )
            raise UserError(f"{self.parser.prog}: {message}{hint} (see {self.parser.prog} --help)") from error
        built = self.parser.instantiate(parsed)
        recipe = Recipe(**{section: built[section] for section in {name.partition(".")[0] for name in self.settings}})
        require_bounds(recipe)
        self.given = frozenset(from_file) | {
            argument.removeprefix("--").partition("=")[0] for argument in arguments if "." in argument
        }
        return recipe, parsed
