"""Level card, text added by a person: allowed outside our sections, listed with its lines, refused if it imitates ours.

The rules:

1. The marker lines of our sections occur once each, unchanged, and no other line looks like one.
2. Added text does not change how our sections are displayed: it has no HTML, and no formula, list or link that continues
   into them.
3. Added text does not look like ours: it has no heading of ours, no measure of ours beside a number, no sentence of ours with
   other values, no letters that only look like others.
"""

from collections.abc import Iterator

from model_card.verification.level_card.text.card_lines import MAX_CARD, AddedText, CardLines, read_lines
from model_card.verification.level_card.text.imitation import find_imitation, wording_of
from model_card.verification.level_card.text.markdown import displayed_tokens
from model_card.verification.lines.checks import EXACT, Checks
from model_card.verification.lines.line import Line

MAX_ADDED = 50_000  # characters of all added texts: the Markdown parser takes seconds for that many open brackets
ADVICE = "write it in words of your own"


def verify_added(text: str, fresh: str) -> list[Line]:
    """Lines about everything outside our sections of a card.

    Args:
        text: the published card.
        fresh: its rendering from the records, without a person's text.
    """
    checks = Checks("card", "card")
    return checks.gather(check_card(checks, text, fresh))


def check_card(checks: Checks, text: str, fresh: str) -> Iterator[Line]:
    """The markers of the sections, the display of the sections, then each added text."""
    if len(text) > MAX_CARD:
        yield checks.line("length", f"{len(text):,} characters", f"at most {MAX_CARD:,}", False, EXACT)
        return
    card = read_lines(text)
    faults = [f"line {number}: {fault}" for number, fault in card.faults]
    advice = "take the line out, or run `titlecraft card` for the card anew" if faults else None
    yield checks.equal("marks of the sections", "; ".join(faults) or "as written", "as written", advice)
    if not card.added:
        return
    if (count := sum(len("\n".join(added.lines)) for added in card.added)) > MAX_ADDED:
        limit = f"at most {MAX_ADDED:,} can be looked through"
        yield checks.line("text added by hand", f"{count:,} characters", limit, False, EXACT)
        return
    if changed := changed_section(card):
        claimed = f"otherwise beside what is added around line {changed}"
        advice = "end lists, quotes, code and links within the added text"
        yield checks.line("sections as they are shown", claimed, "as without it", False, EXACT, advice)
    wording = wording_of(fresh)
    for added in card.added:
        yield added_line(checks, added, find_imitation(added, wording))


def added_line(checks: Checks, added: AddedText, imitation: tuple[int, str] | None) -> Line:
    """The line about one added text: it does not hold if it imitates ours, otherwise it is listed."""
    claim = f"text added by hand, {added}"
    if imitation is None:
        note = "a person's words: no record licenses them"
        return checks.not_looked_at(claim, " ".join(added.lines), "not looked at", note)
    number, fault = imitation
    note = f"line {number}: {ADVICE}, or take it out"
    return checks.line(claim, fault, "nothing that looks like ours", False, EXACT, note)


def changed_section(card: CardLines) -> int | None:
    """The line of our first section that an added text causes to be displayed differently; None if there is none."""
    sections_only: list[str] = []
    starts = []
    for _, first, last in card.sections:
        starts.append((first, last, len(sections_only)))
        sections_only += [*card.body[first - card.body_first : last - card.body_first + 1], ""]
    with_added, without_added = displayed_tokens(card.body), displayed_tokens(sections_only)
    for first, last, start in starts:
        position, count = first - card.body_first, last - first + 1
        shown = [(line - position, *rest) for line, *rest in with_added if position <= line < position + count]
        expected = [(line - start, *rest) for line, *rest in without_added if start <= line < start + count]
        if shown != expected:
            return first
    return None
