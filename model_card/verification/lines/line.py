"""The records of a verification: one line for each claim, and the result over all lines."""

from typing import Literal, get_args

import msgspec

from titlecraft.records import Code, Pin, Record

Level = Literal["card", "scores", "predictions", "data", "training"]
Verdict = Literal["holds", "does not hold", "not looked at", "could not be looked at"]
EXIT_STATUS = {"holds": 0, "does not hold": 1, "could not be looked at": 3}  # 2 is a wrong command line
CUMULATIVE: tuple[Level, ...] = ("card", "scores", "predictions")  # each includes the lines of those before it


WHAT_AGREES = {
    "card": "card = records",
    "scores": "card = records = answers",
    "predictions": "card = records = answers = model",
    "data": "data = source",
    "training": "card = records, adapter = training",
}
"""Level -> what a verification at this level compares; the badge shows it."""
TRAINING = "how the adapter was trained"
ALWAYS = "what was tried and deleted, whether seed or primary measure were chosen afterwards, whether text written by people is true"
CANNOT_KNOW = {
    "card": f"whether the answers give the numbers, whether the models gave the answers, {TRAINING}, {ALWAYS}",
    "scores": f"whether the models gave the answers, {TRAINING}, {ALWAYS}",
    "predictions": f"{TRAINING}, {ALWAYS}",
    "training": f"whether the answers give the numbers, whether the models gave the answers, {ALWAYS}",
    "data": "whether the source is what its name says, and whether text written by people is true",
}
"""Level -> what it cannot show, whatever its verdict."""


class Line(Record, frozen=True):
    """One claim: the published value, the recomputed value, the tolerance and the verdict.

    The verdict is "not looked at" for text that a person added and for values that this level does not recompute. It is
    "could not be looked at" for what is not available here (a private or deleted repo, another device). `holds` is true
    for the verdict "holds" alone.
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


class Verification(Record, frozen=True):
    """The result of verifying one repo: all lines, their number by verdict, and the overall verdict.

    `impossible` maps a level to the reason why this repo does not allow it. `remarks` maps a level to a limit of what it can
    show on this machine.
    """

    repo: Pin
    level: Level
    code: Code
    impossible: dict[str, str]
    lines: list[Line]
    remarks: dict[str, str]
    counts: dict[str, int] = msgspec.field(default_factory=dict)
    verdict: Verdict = "could not be looked at"
    schema: Literal["titlecraft/verification/2"] = "titlecraft/verification/2"

    def __post_init__(self) -> None:
        counts = {verdict: sum(line.verdict == verdict for line in self.lines) for verdict in get_args(Verdict)}
        msgspec.structs.force_setattr(self, "counts", counts)
        msgspec.structs.force_setattr(self, "verdict", overall_verdict(counts))

    def holds(self) -> bool:
        """Whether at least one claim holds, none fails and none was unavailable."""
        return self.verdict == "holds"

    def failures(self) -> list[Line]:
        """The lines that do not hold, in order."""
        return self.with_verdict("does not hold")

    def with_verdict(self, verdict: Verdict) -> list[Line]:
        """The lines with this verdict, in order."""
        return [line for line in self.lines if line.verdict == verdict]


def overall_verdict(counts: dict[str, int]) -> Verdict:
    """The verdict on a repo from the number of lines by verdict. Lines with "not looked at" do not count."""
    if counts["does not hold"]:
        return "does not hold"
    return "holds" if counts["holds"] and not counts["could not be looked at"] else "could not be looked at"
