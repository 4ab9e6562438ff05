"""Clean a text without changing what it says: no punctuation is stripped, no case is changed.

Each rule is a function from text to text; `clean` runs them in the order of RULES until nothing changes any more, so
that cleaning what is clean changes nothing, and counts which rules changed the text.
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
TAG_NAMES = ("a|abbr|b|big|blockquote|body|br|center|cite|code|dd|div|dl|dt|em|font|h[1-6]|head|hr|html|i|img|li|ol|p|pre|q|s|small|"
             "span|strike|strong|sub|sup|table|tbody|td|th|thead|tr|tt|u|ul")  # fmt: skip
HIDDEN = re.compile(r"<!--.*?-->|<(script|style)\b[^<>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
INLINE = re.compile(
    r"</?(?:a|abbr|b|big|cite|code|em|font|i|q|s|small|span|strike|strong|sub|sup|tt|u)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
TAG = re.compile(rf"</?(?:{TAG_NAMES})(?:\s[^<>]*)?/?>", re.IGNORECASE)
INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")
CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
SPACE = re.compile(r"\s+")
# As the source has it, mostly glued: "…Sunday Mirror--This text refers to an alternatePaperbackedition."
EDITION_NOTE = re.compile(r"\s*-{0,2}\s*This text refers to (?:the|an?)[^.]{0,80}?edition(?: of this title)?\.\s*$")


def unescape_entities(text: str) -> str:
    """HTML entities that end in a semicolon, once: `&amp;` -> `&`, `&#151;` -> `—`; `&section` and `AT&T` stay."""
    return ENTITY.sub(lambda match: html.unescape(match[0]), text) if "&" in text else text


def strip_markup(text: str) -> str:
    """Comments, scripts and HTML tags by name; `x < 3 and y > 2` stays."""
    return TAG.sub(" ", INLINE.sub("", HIDDEN.sub(" ", text))) if "<" in text else text


def drop_invisible(text: str) -> str:
    """Control characters become spaces; soft hyphens, zero-width spaces and byte-order marks go."""
    return CONTROL.sub(" ", INVISIBLE.sub("", text))


def compose(text: str) -> str:
    """Unicode NFC: `e` + combining acute -> `é`."""
    return unicodedata.normalize("NFC", text)


def collapse_space(text: str) -> str:
    """Runs of white space -> one space, none at the ends."""
    return SPACE.sub(" ", text).strip()


def drop_edition_note(text: str) -> str:
    """The catalogue's own last sentence, "This text refers to the Hardcover edition."."""
    return EDITION_NOTE.sub("", text).rstrip() if "This text refers to" in text else text


RULES: dict[str, Callable[[str], str]] = {
    "unescape_entities": unescape_entities,
    "strip_markup": strip_markup,
    "drop_invisible": drop_invisible,
    "compose": compose,
    "collapse_space": collapse_space,
    "drop_edition_note": drop_edition_note,
}


def clean(text: str, changed: Counter[str]) -> str:
    """The cleaned text; `changed` gains one for each rule that changed something in this text."""
    rules = set()
    while True:
        before = text
        for name, rule in RULES.items():
            after = rule(text)
            if after != text:
                rules.add(name)
                text = after
        if text == before:
            break
    changed.update(rules)
    return text
