"""Command lines from the dataclasses of settings.py: a recipe by name or file, then --section.key=value.

jsonargparse makes the options, their help and their type checks. This module gives each stage only the sections that it reads.
"""

import argparse
import json
from dataclasses import fields
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from titlecraft.command_line import setting_errors
from titlecraft.command_line.chosen_recipe import read_chosen
from titlecraft.command_line.help import HUB, USAGE, SettingsHelp, examples
from titlecraft.command_line.recipe_file import (
    PARSER_ERRORS,
    SECTIONS,
    read_recipe,
    recipe_file,
    recipe_files,
    recipe_folders,
    require_bounds,
)
from titlecraft.command_line.renamed_settings import with_new_name
from titlecraft.command_line.verb_parser import VerbParser
from titlecraft.errors import UserError
from titlecraft.records import Chosen
from titlecraft.settings import Recipe

__all__ = ["SECTIONS", "StageParser", "read_recipe", "recipe_file", "recipe_files", "recipe_folders"]
COMMA_LISTS = (
    "--data.content_columns",
    "--data.keep_columns",
    "--data.filters",
)  # lists of names, which hold no commas
OF_ANOTHER_STAGE = {"prompt.format"}
"""Settings that a stage reads only if it names them, not with their section."""


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
        self.by_option: frozenset[str] = frozenset()
        self.from_file: dict[str, Any] = {}
        self.chosen: Chosen | None = None
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

    def read(self, file: Path) -> dict[str, Any]:
        """Return the settings of a recipe file by dotted name. Raises UserError with the line."""
        self.chosen = read_chosen(file)
        return read_recipe(file)

    def parse(self, arguments: list[str]) -> tuple[Recipe, Namespace]:
        """Return the recipe with its overrides, and the stage's own options. `--help` prints and exits.

        Sets `by_option` to the dotted names of the settings in the options, `given` to these and those of the recipe file,
        `from_file` to the settings of the file by dotted name, and `chosen` to the sweep that wrote it, if one did. Raises UserError.
        """
        arguments = with_lists([with_new_name(argument) for argument in arguments])
        recipe_option = VerbParser(prog=self.parser.prog, add_help=False)
        recipe_option.add_argument("--recipe")
        name = recipe_option.parse_known_args(arguments)[0].recipe
        from_file = self.from_file = self.read(recipe_file(name)) if name else {}
        self.word_help()
        self.parser.set_defaults({key: value for key, value in from_file.items() if key in self.settings})
        try:
            parsed = self.parser.parse_args(arguments)
        except PARSER_ERRORS as error:
            message = setting_errors.of_parser(error)
            hint = setting_errors.closest(
                message,
                [
                    name
                    for action in self.parser._actions
                    if action.help != argparse.SUPPRESS
                    for name in action.option_strings
                ],
            )
            raise UserError(f"{self.parser.prog}: {message}{hint} (see {self.parser.prog} --help)") from error
        built = self.parser.instantiate(parsed)
        recipe = Recipe(**{section: built[section] for section in {name.partition(".")[0] for name in self.settings}})
        require_bounds(recipe)
        options = {
            argument[2:].partition("=")[0].removesuffix("+") for argument in arguments if argument.startswith("--")
        }
        self.by_option = frozenset(name for name in options if name.partition(".")[0] in SECTIONS and "." in name)
        self.given = frozenset(from_file) | self.by_option
        return recipe, parsed
