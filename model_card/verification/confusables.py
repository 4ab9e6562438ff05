"""Texts as a reader sees them: letters that look alike become one, what cannot be seen goes.

Unicode has thousands of letters that look like Latin ones (UTS 39 lists them as confusables). Here are those of Cyrillic and
Greek; NFKD takes care of full-width, mathematical and accented ones, and Unicode's own names of other Latin ones. A word that
mixes Latin with other letters is found by `mixed_word`, whatever they are.
"""

import re
import unicodedata
from functools import cache
from html import unescape

CYRILLIC = dict(
    zip("АВЕЗІЈКМНОРСТУХЅҮԚԜӀаеоргсухіјѕһԁԛԝѵүӏкмнтв", "ABE3IJKMHOPCTYXSYQWlaeopgcyxijshdqwvylkmhtb", strict=True)
)
GREEK = dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαβγικνορτυχεη", "ABEZHIKMNOPTYXabyikvoptuxen", strict=True))
ALIKE = str.maketrans(
    CYRILLIC
    | GREEK
    | {"׀": "|", "ⵑ": "!", "‹": "<", "›": ">", "˂": "<", "˃": ">", "ᐸ": "<", "ᐳ": ">", "∶": ":", "ː": ":", "：": ":"}
)
DASHES = re.compile("[‐‑‒–—―−﹘﹣－]")
LATIN = re.compile(r"LATIN (?:SMALL|CAPITAL|LETTER) .*?\b([A-Z])(?: WITH .*)?$")
BIDIRECTIONAL = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c")
OTHERS = ("CYRILLIC", "GREEK", "CHEROKEE", "ARMENIAN", "COPTIC", "LISU", "DESERET", "CANADIAN")


@cache
def letter(character: str) -> str:
    """The plain letter that a character looks like; empty for one that cannot be seen."""
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me") or (category == "Cc" and not character.isspace()):
        return ""
    if not character.isascii() and (found := LATIN.match(unicodedata.name(character, ""))):
        return found[1]
    return character


def skeleton(text: str) -> str:
    """What a text looks like, in small letters with single spaces. Texts that look alike have one skeleton."""
    if text.isascii() and "&" not in text:  # nothing in it looks like anything else
        return " ".join(text.casefold().split())
    plain = unicodedata.normalize("NFKD", unescape(unescape(text)))
    plain = "".join(map(letter, DASHES.sub("-", plain).translate(ALIKE)))
    return " ".join(plain.casefold().split())


def letters_of(text: str) -> str:
    """The letters and digits of a text's skeleton alone: "N.L.L. per-token" and "NLL per token" have the same."""
    return "".join(character for character in skeleton(text) if character.isalnum())


def mixed_word(text: str) -> str | None:
    """The first word that has both Latin letters and letters of an alphabet that looks like it; None where there is none."""
    if text.isascii():
        return None
    for word in re.findall(r"[^\W\d_]{2,}", text):
        names = [unicodedata.name(character, "") for character in word if not character.isascii()]
        latin = any(character.isascii() for character in word)
        if latin and any(name.startswith(OTHERS) for name in names):
            return word
    return None


def turns_around(text: str) -> bool:
    """Whether a text holds characters that change the order in which others are shown."""
    return not BIDIRECTIONAL.isdisjoint(text)
