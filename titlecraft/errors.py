"""The one exception that a person is meant to read."""


class UserError(Exception):
    """A mistake that the user can mend: the message names the file, line, flag or repo, what was expected, and the fix.

    Programs print it as one line, `error: …`, on stderr and exit with status 2; no stack trace.
    """
