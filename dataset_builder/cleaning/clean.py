"""Cleans texts without changing their meaning: no punctuation is stripped, no case is changed.

Each rule is a function from text to text. `clean` runs the rules in the order of RULES until the text is stable, and counts which
rules changed the text. Cleaning is idempotent, except for texts with markup that write about tags (`&lt;b&gt;x&lt;/b&gt;`). A build
spends most of its time here, so cheap checks come first: `isprintable` and `in` cost less than any regular expression.

A new rule needs its function, a line in TEXT_RULES or BOILERPLATE_RULES, and a condition in `is_clean`;
tests/dataset_builder/cleaning/test_clean.py fails if one of them is missing.
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from dataset_builder.cleaning.boilerplate import BOILERPLATE_RULES, has_boilerplate
from dataset_builder.cleaning.markup import text_of
from dataset_builder.cleaning.mojibake import may_be_mojibake, repair_mojibake

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
ESCAPED_AGAIN = re.compile(r"&(?:(?:amp|AMP|#0{0,5}38|#[xX]0{0,4}26);){2,}")
MANY_ROUNDS = 8  # of all rules; no catalogue escapes its texts more often, so all remaining levels are removed at once
MOST_ROUNDS = 50  # a text that still changes after so many rounds was crafted to take long
INVISIBLE = "\u00ad\u200b\u2060\ufeff"
LINE_BREAK = re.compile("[\n\r\x0b\x0c\u2028\u2029]")
C1 = re.compile("[\x80-\x9f]")
C1_MEANING = {
    letter: letter.encode("latin-1").decode("cp1252", "ignore") or letter for letter in map(chr, range(0x80, 0xA0))
}
CONTROL_OR_INVISIBLE = re.compile(rf"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f{INVISIBLE}]")


class Printable:
    """`str.isprintable` that caches its last result, because several rules check the same text in a row."""

    def __init__(self) -> None:
        self.text, self.answer = "", True

    def __call__(self, text: str) -> bool:
        if text is not self.text:
            self.text, self.answer = text, text.isprintable()
        return self.answer


is_printable = Printable()


@lru_cache(maxsize=1 << 16)
def entity(written: str) -> str:
    """Return the character that an HTML entity stands for, as browsers decode it."""
    return html.unescape(written)


def unescape_entities(text: str) -> str:
    """Decode HTML entities that end in a semicolon, once: `&amp;` -> `&`, `&#151;` -> `—`; `&section` and `AT&T` stay."""
    return ENTITY.sub(lambda match: entity(match[0]), text) if "&" in text else text


def has_entity(text: str) -> bool:
    """Return whether a text has an HTML entity."""
    return "&" in text and bool(ENTITY.search(text))


def strip_markup(text: str) -> str:
    """Remove tags, comments, scripts and CDATA marks; `x < 3 and y > 2`, `Option<I>` and a lone `<b>` stay (see markup.py)."""
    return text_of(text, lines=False)


def markup_to_lines(text: str) -> str:
    """Remove the same as `strip_markup`; blocks become lines, and list items begin with `- `."""
    return text_of(text, lines=True)


def decode_c1(text: str) -> str:
    """Replace C1 control characters by the characters of these bytes in Windows-1252: `It\x92s` -> `It’s`."""
    return text if text.isascii() or is_printable(text) else C1.sub(lambda match: C1_MEANING[match[0]], text)


def drop_invisible(text: str) -> str:
    """Replace control characters by spaces; remove soft hyphens, zero-width spaces and byte-order marks."""
    if is_printable(text):
        return text
    return CONTROL_OR_INVISIBLE.sub(lambda match: "" if match[0] in INVISIBLE else " ", text)


def compose(text: str) -> str:
    """Normalise to Unicode NFC: `e` + combining acute -> `é`."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def collapse_lines(text: str) -> str:
    """Collapse the white space within each line, and leave out empty lines."""
    text = text.replace("\xa0", " ")
    if is_printable(text):
        return collapse_space(text)
    lines = LINE_BREAK.split(text) if "\x85" in text else text.splitlines()
    return "\n".join(filter(None, (" ".join(line.split()) for line in lines)))


def collapse_space(text: str) -> str:
    """Replace each run of white space by one space; strip both ends."""
    text = text.replace("\xa0", " ")
    if not is_printable(text):  # " " is the only printable white space
        return " ".join(text.split())
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip()


TEXT_RULES: dict[str, Callable[[str], str]] = {
    "strip_markup": strip_markup,
    "unescape_entities": unescape_entities,
    "decode_c1": decode_c1,
    "repair_mojibake": repair_mojibake,
    "drop_invisible": drop_invisible,
    "compose": compose,
    "collapse_space": collapse_space,
}
RULES = TEXT_RULES | BOILERPLATE_RULES
BOILERPLATE = frozenset(BOILERPLATE_RULES)
FLAT_STEPS = tuple(RULES.items())
LINES_STEPS = tuple((RULES | {"strip_markup": markup_to_lines, "collapse_space": collapse_lines}).items())


def is_clean(text: str) -> bool:
    """Return True only if no rule changes the text; one condition for each rule. True for most titles, half of the texts."""
    return (
        "&" not in text
        and "<" not in text
        and is_printable(text)
        and "  " not in text
        and text[:1] != " " != text[-1:]
        and (text.isascii() or (unicodedata.is_normalized("NFC", text) and not may_be_mojibake(text)))
        and not has_boilerplate(text)
    )


def clean(text: str, changed: Counter[str], lines: bool = False) -> str:
    """Return the cleaned text; add one to `changed` for each rule that changed it.

    Markup is removed once, at the level of escaping where the text has some: `&lt;p&gt;A pan&lt;/p&gt;` is markup that was escaped
    on its way, but in `<p>the &lt;b&gt; tag</p>` the tag b is text.

    Args:
        lines: blocks and line breaks of the text become lines (data.structure); otherwise the text becomes one line.
    """
    if is_clean(text):
        return text
    rules: set[str] = set()
    text = clean_in_rounds(text, rules, lines)
    changed.update(rules)
    return text


def clean_in_rounds(text: str, rules: set[str], lines: bool, rounds: int = 0) -> str:
    """Run all rules until the text is stable; add those that changed it to `rules`.

    Args:
        rounds: number of rounds that the text has had; `rules` are those that changed it there.
    """
    for number in range(rounds, MOST_ROUNDS):
        if number == MANY_ROUNDS:
            text = ESCAPED_AGAIN.sub("&amp;", text)
        had_markup = "strip_markup" in rules
        changed_now: set[str] = set()
        for name, rule in LINES_STEPS if lines else FLAT_STEPS:
            if had_markup and name == "strip_markup":
                continue
            after = rule(text)
            if after != text:
                changed_now.add(name)
                text = after
        rules |= changed_now
        if is_stable(text, changed_now) or is_clean(text):
            break
    return text


def is_stable(text: str, changed_now: set[str], mojibake: bool = True) -> bool:
    """Return whether another round certainly finds nothing, after one in which these rules changed the text.

    More entities, markup and notes may be uncovered.

    Args:
        mojibake: False if no character of the text can be one of a wrong encoding.
    """
    if not changed_now:
        return True
    again = changed_now != {"collapse_space"} and ("<" in text or has_entity(text) or changed_now & BOILERPLATE)
    return not again and not (mojibake and may_be_mojibake(text))
