"""argparse for the options of one verb, with errors as UserError."""

import argparse
from typing import Any, NoReturn

from titlecraft.errors import UserError


class VerbParser(argparse.ArgumentParser):
    """Parser without abbreviated options, whose `parse_args` raises UserError instead of printing usage and exiting."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """Raise UserError; argparse calls this for every error."""
        raise UserError(f"{self.prog}: {message} (see {self.prog} --help)")
