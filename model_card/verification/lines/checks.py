"""What a verification found: a line for each claim, and how the lines are gathered, printed and summed up."""

import re
from collections.abc import Iterable
from typing import Any, Literal, get_args

import httpx
import msgspec
from huggingface_hub.errors import (
    HfHubHTTPError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)

from titlecraft.hub.errors import first_line
from titlecraft.records import Code, Pin, Record

Level = Literal["card", "scores", "predictions", "data"]
Verdict = Literal["holds", "does not hold", "not looked at", "could not be looked at"]
STATUS = {"holds": 0, "does not hold": 1, "could not be looked at": 3}  # of the command; 2 is a wrong command line
NO_ACCESS = (401, 403, 404, 410, 451)  # answers of a Hub for what is private, gated, or gone
LADDER: tuple[Level, ...] = ("card", "scores", "predictions")  # each has all lines of those before it
COLOURS = {"holds": "green", "does not hold": "red", "not looked at": "dim", "could not be looked at": "yellow"}
EXACT, ROUNDED = "equal", "within rounding"
FIRST = 5  # lines that the end of the report names
WIDEST = 130  # characters of a value that are kept
HEX = re.compile(r"\b[0-9a-f]{40,64}\b")  # in the table by its beginning, in the JSON whole


class Line(Record):
    """One claim: what stands there, what it is when derived again, how far apart they may be, and the verdict.

    `verdict` is "not looked at" for what a person added and for what this level does not derive; "could not be looked at" for
    what is out of reach here (a private or deleted repo, another device). Neither is counted as holding: `holds` is true for
    the verdict "holds" alone.
    """

    level: Level
    claim: str
    claimed: str
    derived: str
    tolerance: str
    holds: bool
    note: str | None = None
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        if self.verdict is None:
            msgspec.structs.force_setattr(self, "verdict", "holds" if self.holds else "does not hold")


class Verification(Record):
    """All lines of a verification, their number by verdict, and the verdict on the whole.

    `impossible` says of each level that this repo does not allow why it does not; `remarks` what a level can tell here.
    """

    repo: Pin
    level: Level
    code: Code
    impossible: dict[str, str]
    lines: list[Line]
    remarks: dict[str, str]
    counts: dict[str, int] | None = None
    verdict: Verdict | None = None
    schema: Literal["titlecraft/verification/2"] = "titlecraft/verification/2"

    def __post_init__(self) -> None:
        counts = {verdict: sum(line.verdict == verdict for line in self.lines) for verdict in get_args(Verdict)}
        msgspec.structs.force_setattr(self, "counts", counts)
        msgspec.structs.force_setattr(self, "verdict", whole_verdict(counts))

    def holds(self) -> bool:
        """Whether everything that was looked at holds, and all could be looked at; nothing looked at is not enough."""
        return self.verdict == "holds"

    def failures(self) -> list[Line]:
        """The lines that do not hold, in order."""
        return self.having("does not hold")

    def having(self, verdict: Verdict) -> list[Line]:
        """The lines with this verdict, in order."""
        return [line for line in self.lines if line.verdict == verdict]


def whole_verdict(counts: dict[str, int]) -> Verdict:
    """The verdict on a repo from the number of lines by verdict. "not looked at" decides nothing."""
    if counts["does not hold"]:
        return "does not hold"
    return "holds" if counts["holds"] and not counts["could not be looked at"] else "could not be looked at"


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
            level=self.level, claim=visible(f"{self.about}: {claim}"), claimed=shown(claimed), derived=shown(derived),
            tolerance=tolerance, holds=holds, note=None if note is None else visible(note),
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

    def not_looked_at(self, claim: str, claimed: Any, why: str, note: str | None = None) -> Line:
        """A line about what this level does not derive; it decides nothing."""
        return self.undecided(claim, claimed, why, note, "not looked at")

    def out_of_reach(self, claim: str, claimed: Any, why: str, note: str | None = None) -> Line:
        """A line about what should be looked at and is out of reach: private, gated, gone, or of another machine."""
        return self.undecided(claim, claimed, why, note, "could not be looked at")

    def undecided(self, claim: str, claimed: Any, why: str, note: str | None, verdict: Verdict) -> Line:
        """A line without a derivation."""
        line = self.line(claim, claimed, why, False, "none", note)
        return msgspec.structs.replace(line, verdict=verdict)

    def gather(self, found: Iterable[Line]) -> list[Line]:
        """All lines; a derivation that fails becomes a line. Raises UserError where the Hub is away.

        It does not hold, unless a repo is out of reach: then nothing can be said.
        """
        lines: list[Line] = []
        try:
            lines.extend(found)
        except Exception as error:  # what was tampered with breaks its reader in any way
            if is_away(error):
                raise
            if is_out_of_reach(error):
                lines.append(self.out_of_reach("can be derived", "yes", f"not here: {first_line(error)}"))
            else:
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


def is_out_of_reach(error: BaseException | None) -> bool:
    """Whether an exception says that a repo is private, gated or gone, which is no verdict about a claim either.

    A commit or a file that a repo does not have is one: the claim that names it is wrong.
    """
    while error is not None:
        if isinstance(error, RepositoryNotFoundError | LocalTokenNotFoundError):  # a gated repo is the former
            return True
        if type(error) is HfHubHTTPError and error.response is not None and error.response.status_code in NO_ACCESS:
            return True
        error = error.__cause__
    return False


def shown(value: Any) -> str:
    """A value in one line, cut where it is long."""
    try:
        text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    except ValueError:  # Python writes no whole number of more than 4,300 digits
        return "a number that is too long to write"
    text = visible(text[: 100 * WIDEST])
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"


def visible(text: str) -> str:
    """A text in one line, with a sign in the place of each that steers a terminal or cannot be seen: a repo's texts are strangers'."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text.split()))


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
        verdict = f"[{COLOURS[line.verdict]}]{line.verdict}[/{COLOURS[line.verdict]}]"
        values = [HEX.sub(lambda found: f"{found[0][:12]}…", one) for one in (line.claimed, line.derived)]
        if line.verdict == "does not hold" and values[0] == values[1]:
            values = [line.claimed, line.derived]
        said = [escape(text) for text in (line.claim, *values, line.tolerance)]
        table.add_row(*said, verdict + (f"\n[dim]{escape(line.note)}[/dim]" if line.note else ""))
    console.print(table)


def verdict_of(found: Verification) -> list[str]:
    """The end of the report: the lines that were not looked at, then the verdict and the first lines that are its reason."""
    counts = found.counts
    aside = sorted(found.having("not looked at"), key=is_added)
    said = [f"not looked at: {described(line)}" for line in aside[:FIRST]]
    if (more := counts["not looked at"] - FIRST) > 0:
        said.append(f"not looked at: … and {more} more")
    beside = f"; {counts['not looked at']} more were not looked at" if counts["not looked at"] else ""
    if found.holds():
        return [*said, f"verified: all {counts['holds']} claims hold at level {found.level}{beside}"]
    looked = counts["holds"] + counts["does not hold"]
    hidden = counts["could not be looked at"]
    if found.verdict == "does not hold":
        beside = (f"; {hidden} more could not be looked at" if hidden else "") + beside
        head = f"not verified: {counts['does not hold']} of {looked} claims do not hold at level {found.level}{beside}"
    else:
        head = f"could not be looked at: {hidden} of {looked + hidden} claims at level {found.level}; the others hold{beside}"
    reasons = found.having(found.verdict)
    said += [head, *(f"  {described(line)}" for line in reasons[:FIRST])]
    return said + ([f"  … and {len(reasons) - FIRST} more"] if len(reasons) > FIRST else [])


def is_added(line: Line) -> bool:
    """Whether a line is about what a person added; whoever adds much must not hide what else was not looked at."""
    return any(sign in f"{line.claim} {line.note}" for sign in ("added by hand", "a person's words"))


def described(line: Line) -> str:
    """One line that does not hold, or has no verdict, in words."""
    note = f" ({line.note})" if line.note else ""
    if line.verdict == "does not hold":
        return f"{line.claim}: claimed {line.claimed}, derived {line.derived}{note}"
    return f"{line.claim}: {line.claimed}: {line.derived}{note}"
