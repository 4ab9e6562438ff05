"""The exception for mistakes that the user can fix."""


class UserError(Exception):
    """An error whose message names the file, line, option or repo, what was expected, and the fix.

    The command line prints it as one line, `error: …`, on stderr and exits with status 2, without a traceback.
    """
