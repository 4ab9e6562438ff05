"""Clean a text without changing what it says: no punctuation is stripped, no case is changed.

Each rule is a function from text to text; `clean` runs them in the order of RULES until nothing changes any more, so
that cleaning what is clean changes nothing, and counts which rules changed the text. This is where a build spends most
of its time, so the cheapest questions come first: `isprintable` and `in` cost less than any regular expression.
"""

import html
import re
import unicodedata
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
TAG_NAMES = (
    "a|abbr|b|big|blockquote|body|br|center|cite|code|dd|div|dl|dt|em|font|h[1-6]|head|hr|html|i|img|li|ol|p|pre|q|s|small|"
    "span|strike|strong|sub|sup|table|tbody|td|th|thead|tr|tt|u|ul"
)
HIDDEN = re.compile(r"<!--|<(script|style)\b[^<>]*>", re.IGNORECASE)
HIDDEN_END = {
    "": re.compile("-->"),
    "script": re.compile(r"</script\s*>", re.IGNORECASE),
    "style": re.compile(r"</style\s*>", re.IGNORECASE),
}
ESCAPED_AGAIN = re.compile(r"&(?:(?:amp|AMP|#0{0,5}38|#[xX]0{0,4}26);){2,}")
MANY_ROUNDS = 8  # of all rules; no catalogue escapes its texts so often, and what is left of that goes at once
MOST_ROUNDS = 50  # a text that still changes then was made to take long
INLINE = re.compile(
    r"</?(?:a|abbr|b|big|cite|code|em|font|i|q|s|small|span|strike|strong|sub|sup|tt|u)(?:\s[^<>]*)?/?>", re.IGNORECASE
)
TAG = re.compile(rf"</?(?:{TAG_NAMES})(?:\s[^<>]*)?/?>", re.IGNORECASE)
INVISIBLE = "\u00ad\u200b\u2060\ufeff"
CONTROL_OR_INVISIBLE = re.compile(rf"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f{INVISIBLE}]")
# As the source has it, mostly glued: "…Sunday Mirror--This text refers to an alternatePaperbackedition."
EDITION_NOTE = re.compile(r"This text refers to (?:the|an?)[^.]{0,80}?edition(?: of this title)?\.")
COPYRIGHT_NOTE = re.compile(
    r"Copyright (?:©|\(c\))? ?(?:\d{4}\.?)? ?(?:Reed Business Information|Cahners Business Information|"
    r"American Library Association|Library Journals LLC|PWxyz,? LLC)[^©\n]{0,140}"
)
LONGEST_NOTE = 300  # characters; neither of these two notes, which stand at the end, can be longer
# characters at the end of a text from which notes are dropped before the text is put together again
NOTES_AT_ONCE = 1 << 16
LANGUAGE = r"[A-Z][a-z]+(?: \((?:translation|original)\))?"
LANGUAGE_NOTE = re.compile(rf"Text: {LANGUAGE}(?:, {LANGUAGE})*(?: ?Original Language: {LANGUAGE}(?:, {LANGUAGE})*)?")
PUBLISHER_NOTE = (
    "McGraw-Hill authors represent the leading experts in their fields and are dedicated to improving the lives, "
    "careers, and interests of readers worldwide"
)
PUBLISHER_ENDS = (PUBLISHER_NOTE, PUBLISHER_NOTE + ".")


@lru_cache(maxsize=1 << 16)
def entity(written: str) -> str:
    """What one entity stands for, as browsers read it."""
    return html.unescape(written)


def unescape_entities(text: str) -> str:
    """HTML entities that end in a semicolon, once: `&amp;` -> `&`, `&#151;` -> `—`; `&section` and `AT&T` stay."""
    return ENTITY.sub(lambda match: entity(match[0]), text) if "&" in text else text


def strip_markup(text: str) -> str:
    """Comments, scripts and HTML tags by name; `x < 3 and y > 2` stays."""
    if "<" not in text:
        return text
    if "-->" in text or "</" in text:
        text = strip_hidden(text)
    return TAG.sub(" ", INLINE.sub("", text))


def strip_hidden(text: str) -> str:
    """Comments, scripts and styles, each from its beginning to its end, become a space; one without an end stays.

    Time is linear in the text: where an end was not found once, it is not looked for again.
    """
    kept, place, endless = [], 0, set()
    for opening in HIDDEN.finditer(text):
        kind = (opening[1] or "").lower()
        if opening.start() < place or kind in endless:
            continue
        end = HIDDEN_END[kind].search(text, opening.end())
        if end is None:
            endless.add(kind)
            continue
        kept += [text[place : opening.start()], " "]
        place = end.end()
    return "".join([*kept, text[place:]]) if kept else text


def drop_invisible(text: str) -> str:
    """Control characters become spaces; soft hyphens, zero-width spaces and byte-order marks go."""
    if text.isprintable():
        return text
    return CONTROL_OR_INVISIBLE.sub(lambda match: "" if match[0] in INVISIBLE else " ", text)


def compose(text: str) -> str:
    """Unicode NFC: `e` + combining acute -> `é`."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def collapse_space(text: str) -> str:
    """Runs of white space -> one space, none at the ends."""
    if not text.isprintable():  # of all white space, " " alone prints
        return " ".join(text.split())
    while "  " in text:
        text = text.replace("  ", " ")
    return text.strip()


def drop_all_at_end(text: str, drop_one: Callable[[str], str]) -> str:
    """The text without any of the notes that `drop_one` takes from its end; a long text is taken apart from its end on."""
    while True:
        end = text[-NOTES_AT_ONCE:]
        left = end
        while (shorter := drop_one(left)) != left:
            left = shorter
        if left == end:
            return text
        text = text[:-NOTES_AT_ONCE] + left


def drop_edition_note(text: str) -> str:
    """The catalogue's own last sentence, "This text refers to the Hardcover edition."."""
    if text.rfind("This text refers to", -LONGEST_NOTE) < 0:
        return text
    return drop_all_at_end(text, drop_one_edition_note)


def drop_one_edition_note(text: str) -> str:
    """The last such sentence alone."""
    place = text.rfind("This text refers to", -LONGEST_NOTE)
    if place < 0 or not EDITION_NOTE.fullmatch(text, place, len(text.rstrip())):
        return text
    return text[:place].rstrip().removesuffix("-").removesuffix("-").rstrip()


def drop_copyright_note(text: str) -> str:
    """The review service's own last sentence, "Copyright 1989 Reed Business Information, Inc."."""
    if text.rfind("Copyright ", -LONGEST_NOTE) < 0:
        return text
    return drop_all_at_end(text, drop_one_copyright_note)


def drop_one_copyright_note(text: str) -> str:
    """The last such sentence alone."""
    place = text.rfind("Copyright ", -LONGEST_NOTE)
    if place < 0 or not COPYRIGHT_NOTE.fullmatch(text, place):
        return text
    return text[:place].rstrip()


def drop_language_note(text: str) -> str:
    """A description that says in what languages the text is, and nothing else: "Text: English, French (translation)"."""
    return "" if text.startswith("Text: ") and LANGUAGE_NOTE.fullmatch(text) else text


def drop_publisher_note(text: str) -> str:
    """A publisher's sentence about itself at the end of its books' descriptions, or in their place."""
    return drop_all_at_end(text, drop_one_publisher_note) if text.endswith(PUBLISHER_ENDS) else text


def drop_one_publisher_note(text: str) -> str:
    """The last such sentence alone."""
    bare = text.removesuffix(".")
    return bare.removesuffix(PUBLISHER_NOTE).rstrip() if bare.endswith(PUBLISHER_NOTE) else text


RULES: dict[str, Callable[[str], str]] = {
    "unescape_entities": unescape_entities,
    "strip_markup": strip_markup,
    "drop_invisible": drop_invisible,
    "compose": compose,
    "collapse_space": collapse_space,
    "drop_edition_note": drop_edition_note,
    "drop_copyright_note": drop_copyright_note,
    "drop_language_note": drop_language_note,
    "drop_publisher_note": drop_publisher_note,
}
BOILERPLATE = frozenset({"drop_edition_note", "drop_copyright_note", "drop_language_note", "drop_publisher_note"})
STEPS = tuple(RULES.items())


def is_clean(text: str) -> bool:
    """True only where no rule can find anything to do: most titles and half of the descriptions."""
    end = text[-LONGEST_NOTE:]
    return (
        "&" not in text
        and "<" not in text
        and text.isprintable()
        and "  " not in text
        and text[:1] != " " != text[-1:]
        and (text.isascii() or unicodedata.is_normalized("NFC", text))
        and "This text refers to" not in end
        and "Copyright " not in end
        and not text.startswith("Text: ")
        and not text.endswith(PUBLISHER_ENDS)
    )


def clean(text: str, changed: Counter[str]) -> str:
    """The cleaned text; `changed` gains one for each rule that changed something in this text."""
    if is_clean(text):
        return text
    rules: set[str] = set()
    for number in range(MOST_ROUNDS):
        if number == MANY_ROUNDS:
            text = ESCAPED_AGAIN.sub("&amp;", text)
        now = set()
        for name, rule in STEPS:
            after = rule(text)
            if after != text:
                now.add(name)
                text = after
        rules |= now
        if now <= {"collapse_space"} or not ("&" in text or "<" in text or now & BOILERPLATE):
            break  # only entities, markup and notes can, once gone, lay bare others
    if rules:
        changed.update(rules)
    return text
