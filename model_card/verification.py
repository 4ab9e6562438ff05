"""What a verification found: a line for each claim, and how the lines are gathered, printed and summed up."""

import re
from collections.abc import Iterable
from typing import Any, Literal

import httpx
from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

from titlecraft.hub import first_line
from titlecraft.records import Code, Pin, Record

Level = Literal["card", "scores", "predictions", "data"]
LADDER: tuple[Level, ...] = ("card", "scores", "predictions")  # each has all lines of those before it
EXACT, ROUNDED = "equal", "within rounding"
WIDEST = 130  # characters of a value that are kept
HEX = re.compile(r"\b[0-9a-f]{40,64}\b")  # in the table by its beginning, in the JSON whole


class Line(Record):
    """One claim: what stands there, what it is when derived again, how far apart they may be, and whether it holds."""

    level: Level
    claim: str
    claimed: str
    derived: str
    tolerance: str
    holds: bool
    note: str | None = None


class Verification(Record):
    """All lines of a verification.

    `impossible` says of each level that this repo does not allow why it does not; `remarks` what a level can tell here.
    """

    repo: Pin
    level: Level
    code: Code
    impossible: dict[str, str]
    lines: list[Line]
    remarks: dict[str, str]
    schema: Literal["titlecraft/verification/1"] = "titlecraft/verification/1"

    def holds(self) -> bool:
        """Whether everything that was looked at holds; nothing to look at is not enough."""
        return bool(self.lines) and all(line.holds for line in self.lines)

    def failures(self) -> list[Line]:
        """The lines that do not hold, in order."""
        return [line for line in self.lines if not line.holds]


class Checks:
    """Lines of one level, as they are found.

    Args:
        level: the level that they belong to.
        about: put in front of each claim.
    """

    def __init__(self, level: Level, about: str) -> None:
        self.level = level
        self.about = about

    def line(
        self, claim: str, claimed: Any, derived: Any, holds: bool, tolerance: str, note: str | None = None
    ) -> Line:
        """A line that says itself whether it holds."""
        return Line(
            level=self.level, claim=f"{self.about}: {claim}", claimed=shown(claimed), derived=shown(derived),
            tolerance=tolerance, holds=holds, note=note,
        )  # fmt: skip

    def equal(self, claim: str, claimed: Any, derived: Any, note: str | None = None) -> Line:
        """A line that holds where both are equal; where they show alike, the note says where they part."""
        line = self.line(claim, claimed, derived, claimed == derived, EXACT, note)
        if not line.holds and line.claimed == line.derived:
            return self.line(claim, claimed, derived, False, EXACT, first_difference(str(claimed), str(derived)))
        return line

    def close(self, claim: str, claimed: float, derived: float, apart: float, note: str | None = None) -> Line:
        """A line that holds where two numbers are at most `apart` from each other."""
        holds = claimed == derived or abs(claimed - derived) <= apart
        return self.line(claim, claimed, derived, holds, f"{apart:.2g}", note)

    def gather(self, found: Iterable[Line]) -> list[Line]:
        """All lines; a derivation that fails becomes a line that does not hold. Raises UserError where the Hub is away."""
        lines: list[Line] = []
        try:
            lines.extend(found)
        except Exception as error:  # what was tampered with breaks its reader in any way
            if is_away(error):
                raise
            lines.append(self.line("can be derived", "yes", f"no: {first_line(error)}", False, EXACT))
        return lines


def is_away(error: BaseException | None) -> bool:
    """Whether an exception says that the Hub does not answer, which is no verdict about a claim."""
    while error is not None:
        if isinstance(error, httpx.TransportError | LocalEntryNotFoundError | OfflineModeIsEnabled):
            return True
        if isinstance(error, HfHubHTTPError) and error.response is not None and error.response.status_code in (429, *range(500, 600)):  # fmt: skip
            return True
        error = error.__cause__
    return False


def shown(value: Any) -> str:
    """A value in one line, cut where it is long."""
    text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    text = " ".join(text.split())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def first_difference(one: str, other: str) -> str:
    """Where two texts part, with some of what stands there."""
    place = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    start = max(0, place - 20)
    return f"differs at character {place}: {one[start : place + 20]!r}, derived {other[start : place + 20]!r}"


def print_verification(found: Verification, brief: bool) -> None:
    """Print a line for each claim (not if `brief`), then which levels are not possible, and the first lines that do not hold."""
    from rich.console import Console

    console = Console()
    if not brief:
        print_lines(found, console)
    for why in dict.fromkeys(found.impossible.values()):
        names = [level for level, said in found.impossible.items() if said == why]
        levels = f"level {names[0]} is" if len(names) == 1 else f"levels {', '.join(names)} are"
        console.print(f"{levels} not possible: {why}", highlight=False, markup=False)
    for level, said in found.remarks.items():
        console.print(f"level {level}: {said}", highlight=False, markup=False)
    for text in verdict_of(found):
        console.print(text, highlight=False, markup=False)


def print_lines(found: Verification, console: Any) -> None:
    """The table: claimed, derived again, tolerance, verdict."""
    from rich.box import SIMPLE_HEAD
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{found.repo}, level {found.level}", title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in ("claim", "claimed", "derived again", "tolerance", ""):
        table.add_column(column, overflow="fold")
    level = None
    for line in found.lines:
        if line.level != level:
            table.add_section()
            table.add_row(f"[dim]level {line.level}[/dim]")
            level = line.level
        verdict = "[green]holds[/green]" if line.holds else "[red]does not hold[/red]"
        values = [HEX.sub(lambda found: f"{found[0][:12]}…", one) for one in (line.claimed, line.derived)]
        if not line.holds and values[0] == values[1]:
            values = [line.claimed, line.derived]
        said = [escape(text) for text in (line.claim, *values, line.tolerance)]
        table.add_row(*said, verdict + (f"\n[dim]{escape(line.note)}[/dim]" if line.note else ""))
    console.print(table)


def verdict_of(found: Verification) -> list[str]:
    """The end of the report: everything holds, or the first lines that do not."""
    failures, lines = found.failures(), len(found.lines)
    if found.holds():
        return [f"verified: all {lines} claims hold at level {found.level}"]
    said = [f"not verified: {len(failures)} of {lines} claims do not hold at level {found.level}"]
    for line in failures[:5]:
        note = f" ({line.note})" if line.note else ""
        said.append(f"  {line.claim}: claimed {line.claimed}, derived {line.derived}{note}")
    return said + ([f"  … and {len(failures) - 5} more"] if len(failures) > 5 else [])
