"""What a terminal without Unicode shows: the closest ASCII characters in place of arrows, dashes and signs."""

import codecs
import io
import os
import sys
import unicodedata

ASCII = {
    "→": "->", "←": "<-", "▶": ">", "–": "-", "—": "-", "−": "-", "─": "-", "━": "-", "╸": "-", "╺": "-", "│": "|", "…": "...", "×": "x",
    "≈": "~", "±": "+/-", "≤": "<=", "≥": ">=", "•": "*", "·": "*", "“": '"', "”": '"', "‘": "'", "’": "'", "✓": "ok", "₂": "2",
}  # fmt: skip


def closest_ascii(error: UnicodeError) -> tuple[str, int]:
    """Return the ASCII text for the characters that an encoding lacks, and the position after them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(ascii_of, error.object[error.start : error.end])), error.end


def ascii_of(character: str) -> str:
    """Return a character's ASCII form: `->` for an arrow, `e` for an accented e, `?` for a character without one."""
    if character in ASCII:
        return ASCII[character]
    if "BRAILLE" in unicodedata.name(character, ""):  # spinners
        return "*"
    return unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode() or "?"


def use_terminal_characters() -> None:
    """Make stdout and stderr write ASCII under LC_ALL=C, and the closest ASCII where another encoding lacks a character."""
    codecs.register_error("closest_ascii", closest_ascii)
    plain = os.environ.get("LC_ALL") in ("C", "POSIX")  # Python itself would take UTF-8 for these
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="ascii" if plain else stream.encoding, errors="closest_ascii")
