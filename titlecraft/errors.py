"""The exception for mistakes that the user can fix, and a hint for misspelt settings."""

import difflib
from collections.abc import Collection


class UserError(Exception):
    """An error whose message names the file, line, option or repo, what was expected, and the fix.

    The command line prints it as one line, `error: …`, on stderr and exits with status 2, without a traceback.
    """


def closest_setting(wrong: str, known: Collection[str]) -> str | None:
    """Return the setting that a dotted name probably means, or None.

    It is one of the same name in another section; or of the same section, by the initials of its words (lr) or a similar name.
    """
    section, _, name = wrong.rpartition(".")
    names = {key: key.rpartition(".")[2] for key in known}
    same = [key for key, own in names.items() if own == name]
    of_section = {own: key for key, own in names.items() if key.rpartition(".")[0] == section}
    initials = [key for own, key in of_section.items() if "".join(word[0] for word in own.split("_")) == name]
    similar = [of_section[own] for own in difflib.get_close_matches(name, of_section, n=1)]
    others = [] if of_section else difflib.get_close_matches(wrong, known, n=1, cutoff=0.75)
    return next(iter([*same, *initials, *similar, *others]), None)
