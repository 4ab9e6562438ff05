"""Prints the result of a verification: one line for each claim, failures first, then a summary."""

import re

from rich.console import Console

from model_card.verification.lines.line import CANNOT_KNOW, Line, Verification

COLOURS = {"holds": "green", "does not hold": "red", "not looked at": "dim", "could not be looked at": "yellow"}
ORDER = ("does not hold", "could not be looked at", "not looked at", "holds")
MAX_SUMMARY_LINES = 5  # lines that the summary names
HEX = re.compile(r"\b[0-9a-f]{40,64}\b")  # a line shortens commits and checksums; the JSON has them in full


def print_verification(result: Verification, brief: bool) -> None:
    """Print the claims (unless `brief`), the levels that are not possible, and the summary."""
    console = Console()
    if not brief:
        for verdict, text in claim_lines(result):
            console.print(text, style=COLOURS[verdict], highlight=False, markup=False, soft_wrap=True)
    for reason in dict.fromkeys(result.impossible.values()):
        names = [level for level, other in result.impossible.items() if other == reason]
        levels = f"level {names[0]} is" if len(names) == 1 else f"levels {', '.join(names)} are"
        console.print(f"{levels} not possible: {reason}", highlight=False, markup=False)
    for level, remark in result.remarks.items():
        console.print(f"level {level}: {remark}", highlight=False, markup=False)
    for text in [*summary(result), cannot_show(result)]:
        console.print(text, highlight=False, markup=False, soft_wrap=True)


def cannot_show(result: Verification) -> str:
    """What this level cannot show, whatever its verdict, in a sentence."""
    unknown = CANNOT_KNOW[result.level]
    if result.repo.type == "dataset" and result.level != "data":
        unknown = "whether the rows are those of the source, and whether text written by people is true"
    return f"level {result.level} cannot show {unknown}"


def claim_lines(result: Verification) -> list[tuple[str, str]]:
    """Verdict and text of each claim, one line each: failures first, then by level in the order of the checks."""
    return [
        (str(line.verdict), f"{line.verdict}: level {line.level}: {one_line(claim_text(line))}")
        for verdict in ORDER
        for line in result.with_verdict(verdict)
    ]


def claim_text(line: Line) -> str:
    """Claim, claimed and derived value, tolerance and note; commits and checksums are shortened where that hides no difference."""
    values = [HEX.sub(lambda match: f"{match[0][:12]}…", value) for value in (line.claimed, line.derived)]
    if line.verdict == "does not hold" and values[0] == values[1]:
        values = [line.claimed, line.derived]
    tolerance = f", tolerance {line.tolerance}" if line.tolerance else ""
    note = f" ({line.note})" if line.note else ""
    return f"{line.claim}: claimed {values[0]}, derived {values[1]}{tolerance}{note}"


def one_line(text: str) -> str:
    """The text without line breaks and repeated spaces."""
    return " ".join(text.split())


def summary(result: Verification) -> list[str]:
    """The end of the report: the first lines that were not looked at, the verdict, and the first lines that caused it."""
    counts = result.counts
    not_looked_at = sorted(result.with_verdict("not looked at"), key=is_added_by_hand)
    texts = [f"not looked at: {describe(line)}" for line in not_looked_at[:MAX_SUMMARY_LINES]]
    if (more := counts["not looked at"] - MAX_SUMMARY_LINES) > 0:
        texts.append(f"not looked at: … and {more} more")
    ending = f"; {counts['not looked at']} more were not looked at" if counts["not looked at"] else ""
    if result.holds():
        return [*texts, f"verified: all {counts['holds']} claims hold at level {result.level}{ending}"]
    decided = counts["holds"] + counts["does not hold"]
    hidden = counts["could not be looked at"]
    if result.verdict == "does not hold":
        ending = (f"; {hidden} more could not be looked at" if hidden else "") + ending
        failed = counts["does not hold"]
        verdict = f"not verified: {failed} of {decided} claims do not hold at level {result.level}{ending}"
    else:
        total = decided + hidden
        verdict = f"could not be looked at: {hidden} of {total} claims at level {result.level}; the others hold{ending}"
    causes = result.with_verdict(result.verdict)
    texts += [verdict, *(f"  {describe(line)}" for line in causes[:MAX_SUMMARY_LINES])]
    return texts + ([f"  … and {len(causes) - MAX_SUMMARY_LINES} more"] if len(causes) > MAX_SUMMARY_LINES else [])


def is_added_by_hand(line: Line) -> bool:
    """Whether a line is about an addition by a person. These come last, so that many of them do not hide the others."""
    return any(sign in f"{line.claim} {line.note}" for sign in ("added by hand", "a person's words"))


def describe(line: Line) -> str:
    """One line as a sentence of the summary."""
    note = f" ({line.note})" if line.note else ""
    if line.verdict == "does not hold":
        return f"{line.claim}: claimed {line.claimed}, derived {line.derived}{note}"
    return f"{line.claim}: {line.claimed}: {line.derived}{note}"
