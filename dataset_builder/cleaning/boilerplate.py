"""Rules that remove what catalogues add to a description: notes about editions, copyright, languages and publishers."""

import re
from collections.abc import Callable

# In the source it mostly has no spaces around it: "…Sunday Mirror--This text refers to an alternatePaperbackedition."
EDITION_NOTE = re.compile(r"This text refers to (?:the|an?)[^.]{0,80}?edition(?: of this title)?\.")
COPYRIGHT_NOTE = re.compile(
    r"Copyright (?:©|\(c\))? ?(?:\d{4}\.?)? ?(?:Reed Business Information|Cahners Business Information|"
    r"American Library Association|Library Journals LLC|PWxyz,? LLC)[^©\n]{0,140}"
)
LONGEST_NOTE = 300  # characters; the maximum of these two notes, which are at the end of a text
NOTES_AT_ONCE = 1 << 16  # characters at the end of a text that are searched for notes at once
LANGUAGE = r"[A-Z][a-z]+(?: \((?:translation|original)\))?"
LANGUAGE_NOTE = re.compile(rf"Text: {LANGUAGE}(?:, {LANGUAGE})*(?: ?Original Language: {LANGUAGE}(?:, {LANGUAGE})*)?")
PUBLISHER_NOTE = (
    "McGraw-Hill authors represent the leading experts in their fields and are dedicated to improving the lives, "
    "careers, and interests of readers worldwide"
)
PUBLISHER_ENDS = (PUBLISHER_NOTE, PUBLISHER_NOTE + ".")


def drop_all_at_end(text: str, drop_one: Callable[[str], str]) -> str:
    """Apply `drop_one` to the end of a text until it removes nothing; a long text is processed in pieces, from its end."""
    while True:
        end = text[-NOTES_AT_ONCE:]
        stripped = end
        while (shorter := drop_one(stripped)) != stripped:
            stripped = shorter
        if stripped == end:
            return text
        text = text[:-NOTES_AT_ONCE] + stripped


def drop_edition_note(text: str) -> str:
    """Remove the catalogue's note at the end, "This text refers to the Hardcover edition."."""
    if text.rfind("This text refers to", -LONGEST_NOTE) < 0:
        return text
    return drop_all_at_end(text, drop_one_edition_note)


def drop_one_edition_note(text: str) -> str:
    """Remove one edition note from the end."""
    start = text.rfind("This text refers to", -LONGEST_NOTE)
    if start < 0 or not EDITION_NOTE.fullmatch(text, start, len(text.rstrip())):
        return text
    return text[:start].rstrip().removesuffix("-").removesuffix("-").rstrip()


def drop_copyright_note(text: str) -> str:
    """Remove the review service's note at the end, "Copyright 1989 Reed Business Information, Inc."."""
    if text.rfind("Copyright ", -LONGEST_NOTE) < 0:
        return text
    return drop_all_at_end(text, drop_one_copyright_note)


def drop_one_copyright_note(text: str) -> str:
    """Remove one copyright note from the end."""
    start = text.rfind("Copyright ", -LONGEST_NOTE)
    if start < 0 or not COPYRIGHT_NOTE.fullmatch(text, start):
        return text
    return text[:start].rstrip()


def drop_language_note(text: str) -> str:
    """Empty a description that only lists languages: "Text: English, French (translation)"."""
    return "" if text.startswith("Text: ") and LANGUAGE_NOTE.fullmatch(text) else text


def drop_publisher_note(text: str) -> str:
    """Remove a publisher's sentence about itself at the end of a description."""
    return drop_all_at_end(text, drop_one_publisher_note) if text.endswith(PUBLISHER_ENDS) else text


def drop_one_publisher_note(text: str) -> str:
    """Remove one publisher's note from the end."""
    bare = text.removesuffix(".")
    return bare.removesuffix(PUBLISHER_NOTE).rstrip() if bare.endswith(PUBLISHER_NOTE) else text


BOILERPLATE_RULES: dict[str, Callable[[str], str]] = {
    "drop_edition_note": drop_edition_note,
    "drop_copyright_note": drop_copyright_note,
    "drop_language_note": drop_language_note,
    "drop_publisher_note": drop_publisher_note,
}


def has_boilerplate(text: str) -> bool:
    """Return False only if no rule of BOILERPLATE_RULES changes the text."""
    end = text[-LONGEST_NOTE:]
    return (
        "This text refers to" in end
        or "Copyright " in end
        or text.startswith("Text: ")
        or text.endswith(PUBLISHER_ENDS)
    )
