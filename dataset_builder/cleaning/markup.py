"""Turns HTML into text: recognises what is markup, hands that to a parser (selectolax, lexbor's), and reads the text of its tree.

A parser alone would take `a<b and c>d` for a tag b. So TOKEN finds what may be a tag, `is_tag` decides, and the parser gets
bare tags around escaped text. Time is linear: TOKEN never looks past the next `<`, and the parser's elements are nested at most
DEEPEST deep. Entities are not decoded here, so that escaped tags stay text.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator
from functools import cached_property
from html import escape

from selectolax.lexbor import LexborHTMLParser

from dataset_builder.cleaning.elements import (
    BLOCK,
    CELLS,
    HIDDEN,
    INLINE,
    KNOWN,
    OMISSIBLE,
    RAW,
    TABLE,
    VOID,
    WITHOUT_VALUE,
)
from dataset_builder.cleaning.simple_blocks import text_of_simple

NAME = r"[a-zA-Z][a-zA-Z0-9]*+(?:[-:_][a-zA-Z0-9]++)*+"
ATTRIBUTE = r"""[^\s"'<>/=]++(?:\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'|"[^"]{0,2000}+"|'[^']{0,2000}+'|[^\s"'<>]++))?+"""
TOKEN = re.compile(  # begins with one letter, which `re` finds fastest
    rf"<(?:(?P<comment>!--)|(?P<cdata>!\[CDATA\[)|(?P<declaration>(?:![a-zA-Z\[]|\?[a-zA-Z])[^<>]*+>)|"
    rf"(?P<slash>/?)(?P<name>{NAME})(?P<attributes>(?:[\s/]++{ATTRIBUTE})*+)\s*+(?P<closes>/?)>)"
)
TOKEN_OR_CDATA_END = re.compile(rf"{TOKEN.pattern}|(?P<cdata_end>\]\]>)")
CUT_TAG = re.compile(rf"""<{NAME}\s[^<>]*?[a-zA-Z-]+=(?:"[^"<>]*|'[^'<>]*|[^\s"'<>]*)\Z""")
LONGEST_CUT = 4000  # characters at the end of a text that may be half a tag
NAMES_CLOSED = re.compile(rf"</({NAME})")
NAMES_OPENED = re.compile(rf"<({NAME})")
CODE = "{}=;"  # signs of a script, not of prose that names <script>
DEEPEST = 200
BREAK, ITEM, CELL = "\x1d", "\x1e", "\x1f"  # control characters, which no cleaned text has
ANY_MARKER = re.compile(f"[{BREAK}{ITEM}{CELL}]+")
HAS_MARKER = re.compile(f"[{BREAK}{ITEM}{CELL}\0]").search
MARKERS = str.maketrans({BREAK: " ", ITEM: " ", CELL: " ", "\0": " "})


def text_of(text: str, lines: bool) -> str:
    """Return the text without its markup; the same text if it has none.

    Args:
        lines: blocks become lines, and list items begin with `- `; otherwise both become spaces.
    """
    if "<" not in text or not (tokens := Tokens(text)).found:
        return text
    html = tokens.bare_html()
    plain = without_tree(html) if "<" not in html else text_of_tree(html)
    if not lines:
        return ANY_MARKER.sub(" ", plain).strip(" ")
    if tokens.has_blocks:  # as in HTML, its own line breaks are spaces then
        plain = plain.replace("\n", " ").replace("\r", " ")
    return "\n".join(filter(None, map(line_of, plain.split(BREAK))))


def text_of_tree(html: str) -> str:
    """Return the text of HTML, with BREAK around its blocks and ITEM before its list items."""
    if (simple := text_of_simple(html.replace("\r\n", "\n").replace("\r", "\n"), BREAK, ITEM)) is not None:
        return unescape_three(simple)
    return text_of_parsed(html)


def text_of_parsed(html: str) -> str:
    """Return the same from the parser's tree."""
    tree = LexborHTMLParser(html).body
    if tree is None:
        return ""
    for node in tree.css(",".join(HIDDEN)):
        node.decompose()
    for node in tree.css(",".join(BLOCK)):
        node.insert_before(BREAK + ITEM if node.tag == "li" else BREAK)
        node.insert_after(BREAK)
    return tree.text()


def without_tree(html: str) -> str:
    """Return what the parser makes of HTML that has no tag: without white space at its beginning, and with its line ends."""
    return unescape_three(html.replace("\r\n", "\n").replace("\r", "\n").lstrip(" \t\n\f"))


def unescape_three(html: str) -> str:
    """Undo `html.escape` without quotes."""
    return html.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def line_of(part: str) -> str:
    """Return a line with its item's dash and its cells' separators; empty if it has no text."""
    cells = [cell.strip() for cell in part.replace(ITEM, "").split(CELL)]
    line = " | ".join(cells[1:] if not cells[0] else cells)
    return f"- {line.lstrip()}" if ITEM in part and line.strip(" |") else line


class Tokens:
    """The tags of a text. `found`: whether it is markup at all; `has_blocks`: whether it has tags of blocks."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.closed = {name.lower() for name in NAMES_CLOSED.findall(text)}
        self.ends: dict[str, list[int]] = {}
        self.has_cdata = "<![CDATA[" in text
        self.has_blocks = False
        tags = list(self.tags())
        self.found = any(self.is_evidence(*tag) for tag in tags)
        self.tags_found = tags

    @cached_property
    def opened(self) -> set[str]:
        """The names of all start tags."""
        return {name.lower() for name in NAMES_OPENED.findall(self.text)}

    @cached_property
    def last_code(self) -> int:
        """The position of the last sign of a script; negative if there is none."""
        return max(map(self.text.rfind, CODE))

    @cached_property
    def blank(self) -> int:
        """The number of white space characters at the beginning."""
        return len(self.text) - len(self.text.lstrip())

    def tags(self) -> Iterator[tuple[int, int, str]]:
        """Yield begin, end and bare tag of all markup: `<p>`, `</p>`, and "" for what vanishes with its content."""
        position = 0
        for token in (TOKEN_OR_CDATA_END if self.has_cdata else TOKEN).finditer(self.text):
            begin = token.start()
            if begin < position:
                continue
            if token["comment"]:
                end = self.end_of("-->", begin + 2)
                position = token.end() if end is None else end
                yield begin, position, ""
            elif token["cdata"] or token["declaration"]:
                position = token.end()
                yield begin, position, ""
            elif self.has_cdata and token["cdata_end"]:
                yield begin, token.end(), ""
            elif self.is_tag(token):
                name, slash = token["name"].lower(), token["slash"]
                position = token.end()
                if name in RAW and not slash:
                    end = self.end_of(f"</{name}", position)
                    if end is None and self.last_code >= position:
                        end = len(self.text)  # the catalogue cut the text inside a script
                    if end is not None:
                        position = max(position, self.text.find(">", end) + 1 if end < len(self.text) else end)
                        name = ""
                yield begin, position, f"<{slash}{name}>" if name else ""
        cut = max(position, len(self.text) - LONGEST_CUT)
        if (start := self.text.rfind("<")) >= cut and CUT_TAG.match(self.text, start):
            yield start, len(self.text), ""

    def end_of(self, what: str, position: int) -> int | None:
        """Return where the next `what` after a position ends (a comment) or begins (an end tag); None if there is none."""
        if what not in self.ends:
            self.ends[what] = [match.start() for match in re.finditer(re.escape(what), self.text, re.IGNORECASE)]
        index = bisect_left(self.ends[what], position)
        if index == len(self.ends[what]):
            return None
        return self.ends[what][index] + (len(what) if what == "-->" else 0)

    def is_tag(self, token: "re.Match[str]") -> bool:
        """Return whether a token is a tag, and not `Option<I>`, `List<String>` or `a<b and c>d`."""
        name, attributes = token["name"].lower(), token["attributes"]
        bare = attributes and "=" not in attributes and (name in KNOWN or name not in self.closed)
        if bare and (token["slash"] or not WITHOUT_VALUE.issuperset(attributes.replace("/", " ").lower().split())):
            return False
        if token["slash"]:
            return name in KNOWN or name in self.opened
        if name in KNOWN:
            before = self.text[token.start() - 1 : token.start()]
            return name not in INLINE or name in self.closed or bool(attributes) or name in VOID or not before.isalnum()
        return name in self.closed or "=" in attributes or bool(token["closes"]) or ":" in name

    def is_evidence(self, begin: int, end: int, tag: str) -> bool:
        """Return whether a tag shows that the text is markup. A single `<b>` or `<table>` may be what the text is about."""
        name = tag.strip("</>")
        if not name or tag.startswith("</") or name in VOID or name in self.closed or "=" in self.text[begin:end]:
            return True
        if name not in OMISSIBLE:
            return name not in KNOWN
        return begin <= self.blank or self.text[begin - 1] in '.!?:;>"”)' or self.text[begin - 1].isalnum()

    def bare_html(self) -> str:
        """Return HTML of bare tags: no attributes, inline tags or comments; cells begin with CELL, other text is escaped."""
        text = self.text.translate(MARKERS) if HAS_MARKER(self.text) else self.text
        parts, position, depth, after_inline_end = [], 0, 0, False
        for begin, end, tag in self.tags_found:
            if begin > position:
                parts.append(escape(text[position:begin], quote=False))
            name, closing = tag.strip("</>"), tag.startswith("</")
            if name in CELLS:
                parts.append("" if closing else CELL)
            elif name in TABLE:
                self.has_blocks = True
                parts.append(BREAK)
            elif name in BLOCK or (name in HIDDEN and (closing or self.end_of(f"</{name}", end) is not None)):
                self.has_blocks = self.has_blocks or name in BLOCK
                depth += -1 if closing else name not in VOID and name not in OMISSIBLE
                parts.append(tag if depth < DEEPEST else BREAK)
            elif not tag:
                parts.append(" ")
            elif begin == position and after_inline_end and not closing:
                parts.append(" ")  # "<b>Care</b><i>Wash cold</i>"
            after_inline_end, position = closing and name in INLINE, end
        parts.append(escape(text[position:], quote=False))
        return "".join(parts)
