"""Earlier names of settings in recipes and options. They work for one more version and print a note on stderr."""

import sys
from functools import cache
from pathlib import Path
from typing import Any

from titlecraft.errors import UserError
from titlecraft.process.distributed import is_rank0
from titlecraft.settings import RENAMED

REMOVED_IN = "0.3"


@cache
def print_note(old: str) -> None:
    """Print the new name of a setting, once."""
    if is_rank0():
        print(
            f"note: {old} is called {RENAMED[old]} now; the old name works until {REMOVED_IN}",
            file=sys.stderr,
        )


def with_new_name(argument: str) -> str:
    """Return a command-line argument with the new name of the setting: `--data.copies=3` or `--data.copies`."""
    option, equals, value = argument.partition("=")
    old = option.removeprefix("--").removesuffix("+")  # `--evaluation.also+=VALUE` appends to a list
    if not option.startswith("--") or old not in RENAMED:
        return argument
    print_note(old)
    return option.replace(old, RENAMED[old]) + equals + value


def with_new_names(sections: dict[str, dict[str, Any]], file: Path) -> dict[str, dict[str, Any]]:
    """Return the sections of a recipe under the new names. Raises UserError if a setting has both names in it."""
    renamed = {section: dict(settings) for section, settings in sections.items()}
    for old, new in RENAMED.items():
        section, old_name = old.split(".")
        new_name = new.split(".")[1]
        settings = renamed.get(section, {})
        if old_name not in settings:
            continue
        if new_name in settings:
            raise UserError(f"{file}: {old} is the old name of {new}: expected one of them")
        print_note(old)
        renamed[section] = {new_name if name == old_name else name: value for name, value in settings.items()}
    return renamed
