"""argparse for the options of one verb, with errors as UserError."""

import argparse
import re
from typing import Any, NoReturn

from titlecraft.command_line import setting_errors
from titlecraft.command_line.help import HUB, PlainHelp, did_you_mean, examples
from titlecraft.errors import UserError

OFFLINE = {"hub", "demo", "recipes"}  # verbs that choose their Hub themselves, or need none


class VerbParser(argparse.ArgumentParser):
    """Parser without abbreviated options, whose `parse_args` raises UserError instead of printing usage and exiting.

    Its help lists `--hub`, which main.py takes out of the arguments before, and ends with the verb's examples.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        verb = options.get("prog", "").removeprefix("titlecraft ")
        epilog = "\n\n".join(filter(None, (options.pop("epilog", None), examples(verb))))
        defaults = {"allow_abbrev": False, "formatter_class": PlainHelp, "epilog": epilog or None}
        super().__init__(*arguments, **{**defaults, **options})
        if options.get("add_help", True) and verb not in OFFLINE:
            self.add_argument("--hub", help=HUB)

    def error(self, message: str) -> NoReturn:
        """Raise UserError with a hint at the closest option or choice; argparse calls this for every error."""
        options = [name for action in self._actions for name in action.option_strings]
        hint = setting_errors.closest(message, options)
        if choice := re.search(r"invalid choice: '(.*?)' \(choose from (.*)\)", message):
            hint = did_you_mean(choice[1], re.findall(r"[\w-]+", choice[2]))
        raise UserError(f"{self.prog}: {message}{hint} (see {self.prog} --help)")
