"""The options of one verb: argparse, whose refusals are one line like every other of a user's mistakes."""

import argparse
from typing import Any, NoReturn

from titlecraft.errors import UserError


class VerbParser(argparse.ArgumentParser):
    """A parser of whole option names. `parse_args` raises UserError where argparse prints its usage and exits."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    def error(self, message: str) -> NoReturn:
        """Called by argparse for whatever it refuses."""
        raise UserError(f"{self.prog}: {message} (see {self.prog} --help)")
