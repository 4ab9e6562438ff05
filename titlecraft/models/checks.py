"""Checks that stop the run if they do not hold."""

from titlecraft.errors import UserError
from titlecraft.records import Check


def require_check(name: str, expected: str, found: str, holds: bool, fix: str) -> Check:
    """Return a check that holds, for the record. Raises UserError, with the fix, if it does not hold."""
    if not holds:
        raise UserError(f"{name}: expected {expected}, found {found}; {fix}")
    return Check(name=name, expected=expected, found=found, holds=holds)
