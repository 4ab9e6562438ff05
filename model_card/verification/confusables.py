"""Confusable characters: reduces texts that look alike to one skeleton, without invisible characters.

Unicode has thousands of letters that look like Latin ones; UTS 39 lists them as confusables. The tables here have those of
Cyrillic and Greek. NFKD maps full-width, mathematical and accented letters, and Unicode names identify other Latin letters.
`mixed_word` finds a word that mixes Latin letters with those of another alphabet.
"""

import re
import unicodedata
from functools import cache
from html import unescape

CYRILLIC = dict(
    zip("АВЕЗІЈКМНОРСТУХЅҮԚԜӀаеоргсухіјѕһԁԛԝѵүӏкмнтв", "ABE3IJKMHOPCTYXSYQWlaeopgcyxijshdqwvylkmhtb", strict=True)
)
GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβγικνορτυχεη", "ABEZHIKMNOPTYXabyikvoptuxen", strict=True))
CONFUSABLES = str.maketrans(
    CYRILLIC
    | GREEK
    | {"׀": "|", "ⵑ": "!", "‹": "<", "›": ">", "˂": "<", "˃": ">", "ᐸ": "<", "ᐳ": ">", "∶": ":", "ː": ":", "：": ":"}
)
DASHES = re.compile("[‐‑‒–—―−﹘﹣－]")
LATIN = re.compile(r"LATIN (?:SMALL|CAPITAL|LETTER) .*?\b([A-Z])(?: WITH .*)?$")
BIDI_CONTROLS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
SIMILAR_SCRIPTS = ("CYRILLIC", "GREEK", "CHEROKEE", "ARMENIAN", "COPTIC", "LISU", "DESERET", "CANADIAN")


@cache
def letter(character: str) -> str:
    """The Latin letter that a character looks like; empty for an invisible character."""
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me") or (category == "Cc" and not character.isspace()):
        return ""
    if not character.isascii() and (match := LATIN.match(unicodedata.name(character, ""))):
        return match[1]
    return character


def skeleton(text: str) -> str:
    """The skeleton of a text (UTS 39), in lower case with single spaces. Texts that look alike have the same skeleton."""
    if text.isascii() and "&" not in text:  # plain ASCII has no confusables here
        return " ".join(text.casefold().split())
    plain = unicodedata.normalize("NFKD", unescape(unescape(text)))
    plain = "".join(map(letter, DASHES.sub("-", plain).translate(CONFUSABLES)))
    return " ".join(plain.casefold().split())


def letters_of(text: str) -> str:
    """The letters and digits of a text's skeleton: equal for "N.L.L. per-token" and "NLL per token"."""
    return "".join(character for character in skeleton(text) if character.isalnum())


def mixed_word(text: str) -> str | None:
    """The first word that mixes Latin letters with those of a similar script; None if there is none."""
    if text.isascii():
        return None
    for word in re.findall(r"[^\W\d_]{2,}", text):
        names = [unicodedata.name(character, "") for character in word if not character.isascii()]
        latin = any(character.isascii() for character in word)
        if latin and any(name.startswith(SIMILAR_SCRIPTS) for name in names):
            return word
    return None


def reorders_characters(text: str) -> bool:
    """Whether a text has bidirectional control characters, which change the order of display."""
    return not BIDI_CONTROLS.isdisjoint(text)
