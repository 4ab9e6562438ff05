"""Detects descriptions that are about the author, illustrator or publisher: `Richard Webber is the author of over a dozen books.`

The rule: the text opens with "About the author", or with a name that is not in the title, followed by "is", "was", "has", "lives" and the
like; its first 300 characters have a word of a profession or a life ("author", "novelist", "was born"), and do not speak of the book.
"""

import re

OPENING = re.compile(r"About the (?:Author|Illustrator|Editor|Photographer|Publisher)s?\b", re.IGNORECASE)
NAME_WORD = r"(?:[A-Z][\w’'-]*\.?|(?:[A-Z]\.\s?)+|de|da|van|von|der|la|le|and|&|the|of)"
SUBJECT = re.compile(
    rf"((?:(?:Dr|Professor|Prof|Sir|Dame|Lady|Lord|The)\.? )?[A-Z][\w’'.-]*(?: {NAME_WORD}){{1,8}}?)"
    r"(?:,? ?\([^)]{1,60}\)|, [^.]{1,120}?,)?,? "
    r"(?:is|are|was|were|has|have|had|lives?|lived|died|works?|worked|writes?|wrote|writing|began|started|studied|trained|teaches|taught|"
    r"served|spent|grew|became|graduated|received|won|qualified|joined|first|currently|left|came|went|made|moved|attended|founded|holds|gained|published|"
    r"edited|edits|developed|combines|makes|does|runs|ran|divides|contributes|comes|now)\b"
)
LIFE = re.compile(
    r"\b(?:authors?|writers?|novelists?|journalists?|professors?|illustrators?|illustrated|poets?|photographers?|editors?|historians?|lecturers?|"
    r"broadcasters?|presenters?|columnists?|critics?|artists?|designers?|psychologists?|teachers?|playwrights?|screenwriters?|"
    r"biographers?|correspondents?|scholars?|comedians?|chefs?|actors?|actress|philosophers?|physicists?|scientists?|naturalists?|publishers?|newspaper|"
    r"born (?:in|on|and)|was educated|lives? (?:in|with|on|near|between)|lived in|(?:has|have) written|(?:his|her|their) (?:\w+ ){0,2}(?:books?|novels?|works?|husband|wife|family|children|career)|"
    r"books? (?:include|including|for)|bestselling|best-selling|award-winning|award-winner|studied|graduated|university|degree|pseudonym|pen name)\b",
    re.IGNORECASE,
)
ABOUT_THE_BOOK = re.compile(
    r"\b(?:[Tt]his|[Tt]hese) (?:\w+[ -]){0,4}?(?:book|novel|volume|collection|guide|edition|text|story|title|series|cookbook|memoir|study|work|account|sequel|anthology)s?\b"
    r"|\b[Ii]n this\b|\breaders? (?:will|learn)|\bthe (?:story|tale) of\b|\b(?:protagonist|narrator)\b|\bhas written an?\b"
)
FIRST = 300  # characters


def is_biography(title: str, content: str) -> bool:
    """Return whether a description is about its author or publisher."""
    if OPENING.match(content):
        return True
    subject = SUBJECT.match(content)
    if not subject or subject[1].casefold() in title.casefold():
        return False
    first = content[:FIRST]
    return bool(LIFE.search(first)) and not ABOUT_THE_BOOK.search(first)
