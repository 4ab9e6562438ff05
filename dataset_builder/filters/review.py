"""Detects reviews of the trade press: Publishers Weekly, Library Journal, Booklist, Kirkus, School Library Journal, Amazon's editors.

The rule: the text opens as such a review does ("Starred Review.", "Grade 3-6", "[Signature]Reviewed by"), or its last 200 characters have the marks of one: the
reviewer's signature behind a dash or the D and A that some catalogues have in place of it, a library as the reviewer's place, the
month of publication in brackets, a printing or a book club.
"""

import re

OPENING = re.compile(
    r"(?:Starred Review\b|\[Signature\]|\[?Reviewed by\b|From (?:Publishers Weekly|Library Journal|School Library Journal|Booklist|Kirkus)\b"
    r"|Amazon Best (?:Books? of|of)\b|Amazon\.com Review\b|Best Books? of the (?:Month|Year)\b|(?:PreS(?:chool)?|K|Kindergarten)\s?[-–—]\s?(?:Gr(?:ade)?\.? ?)?[K\d]|Gr(?:ade)?s?\.? \d{1,2}\b ?(?:[-–—&A]|to|up)|YA[-–—A]|Adult/High School)"
)
NAME = r"[A-Z][\w.'’-]*(?: (?:[A-Z][\w.'’-]*|de|van|von|of)){1,4}"
MONTH = r"(?:Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.?(?: \d{1,2})?"
ENDING = re.compile(
    rf"\({MONTH}\)\s*(?:\(c\))?\W*\Z"
    rf"|(?:[.!?)”\"’'*]\s*(?:-{{2}}|[–—]|[-AD](?=[A-Z]))\s?{NAME}(?:, [^.!?]{{3,110}}[A-Za-z.)]*)?\.?\W*\Z)"
    r"|\b(?:Lib(?:rary|raries|s)?|Univ(?:ersity)?|Coll(?:ege)?|P\.?L)\b\.?[^!?]{0,70}\Z(?<=[A-Za-z.])(?<!\. )"
    r"|(?:first printing|author tour|BOMC|not seen by PW|\bagent, |ad/promo)[^!?]{0,120}\Z"
)
ENDING_CHARACTERS = 200


def is_review(title: str, content: str) -> bool:
    """Return whether a description is a review of the trade press."""
    start = max(0, len(content) - ENDING_CHARACTERS)
    return bool(OPENING.match(content) or ENDING.search(content, start))
