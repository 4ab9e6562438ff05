"""Makes the lines of one level: compares a published value with a recomputed one and records the verdict."""

from collections.abc import Iterable
from typing import Any

import msgspec

from model_card.verification.lines.line import Level, Line, Verdict
from model_card.verification.lines.one_line import escape_unprintable, first_difference, format_value
from model_card.verification.lines.unavailable import is_access_denied, is_hub_down
from titlecraft.hub.errors import first_line

EXACT, ROUNDED = "equal", "within rounding"


class Checks:
    """Makes the lines of one level about one part of a repo.

    Args:
        level: the level of every line.
        about: the part of the repo, such as "card" or "training record"; each claim begins with it.
    """

    def __init__(self, level: Level, about: str) -> None:
        self.level: Level = level
        self.about = about

    def line(
        self, claim: str, claimed: Any, derived: Any, holds: bool, tolerance: str, note: str | None = None
    ) -> Line:
        """A line whose verdict the caller decides by `holds`."""
        return Line(
            level=self.level,
            claim=escape_unprintable(f"{self.about}: {claim}"),
            claimed=format_value(claimed),
            derived=format_value(derived),
            tolerance=tolerance,
            holds=holds,
            note=None if note is None else escape_unprintable(note),
        )

    def equal(self, claim: str, claimed: Any, derived: Any, note: str | None = None) -> Line:
        """A line that holds if both values are equal.

        Long values may differ after the part that is displayed. The note then names the first difference.
        """
        line = self.line(claim, claimed, derived, claimed == derived, EXACT, note)
        if not line.holds and line.claimed == line.derived:
            return self.line(claim, claimed, derived, False, EXACT, first_difference(str(claimed), str(derived)))
        return line

    def close(self, claim: str, claimed: float, derived: float, tolerance: float, note: str | None = None) -> Line:
        """A line that holds if the two numbers differ by at most `tolerance`."""
        holds = claimed == derived or abs(claimed - derived) <= tolerance
        return self.line(claim, claimed, derived, holds, f"{tolerance:.2g}", note)

    def not_looked_at(self, claim: str, claimed: Any, reason: str, note: str | None = None) -> Line:
        """A line about a value that this level does not recompute. It does not affect the overall verdict."""
        return self.undecided(claim, claimed, reason, note, "not looked at")

    def could_not_be_looked_at(self, claim: str, claimed: Any, reason: str, note: str | None = None) -> Line:
        """A line about a value that cannot be recomputed here: its repo is private, gated or deleted, or the device differs."""
        return self.undecided(claim, claimed, reason, note, "could not be looked at")

    def undecided(self, claim: str, claimed: Any, reason: str, note: str | None, verdict: Verdict) -> Line:
        """A line without a recomputed value; `reason` is displayed in its place."""
        line = self.line(claim, claimed, reason, False, "none", note)
        return msgspec.structs.replace(line, verdict=verdict)

    def gather(self, lines: Iterable[Line]) -> list[Line]:
        """All lines of a check. An exception in the check becomes a line. Raises UserError if the Hub does not answer.

        The added line does not hold, unless the exception says that a repo is private, gated or deleted.
        """
        gathered: list[Line] = []
        try:
            gathered.extend(lines)
        except Exception as error:  # a tampered file may raise any exception in its reader
            if is_hub_down(error):
                raise
            if is_access_denied(error):
                reason = f"not here: {first_line(error)}"
                gathered.append(self.could_not_be_looked_at("can be derived", "yes", reason))
            else:
                gathered.append(self.line("can be derived", "yes", f"no: {first_line(error)}", False, EXACT))
        return gathered
