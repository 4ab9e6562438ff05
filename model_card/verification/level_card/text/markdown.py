"""The Markdown of a card as the Hub reads it: headings, raw HTML and displayed tokens."""

from functools import cache
from itertools import pairwise
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.gfm import gfm_plugin

LINE_BREAKS = ("<br>", "<br/>", "<br />")


@cache
def parser() -> MarkdownIt:
    """A parser of GitHub-flavoured Markdown with HTML."""
    markdown = MarkdownIt("commonmark", {"html": True})
    gfm_plugin(markdown)
    return markdown


def parse(lines: list[str]) -> list[Token]:
    """The tokens of a Markdown text."""
    return parser().parse("\n".join(lines))


def first_html(lines: list[str]) -> tuple[int, str] | None:
    """The first HTML except for line breaks: its line, counted from 0, and its beginning; None if there is none."""
    for token in parse(lines):
        if token.type == "html_block":
            return line_of(token), token.content.strip()[:60]
        for child in token.children or []:
            if child.type == "html_inline" and child.content.lower() not in LINE_BREAKS:
                return line_of(token), child.content[:60]
    return None


def headings(lines: list[str]) -> list[tuple[int, str]]:
    """The line, counted from 0, and the text of each heading. A paragraph in bold type counts as a heading."""
    result = []
    for before, token in pairwise(parse(lines)):
        if token.type != "inline":
            continue
        children = [child for child in token.children or [] if child.content or child.type != "text"]
        bold = len(children) > 2 and (children[0].type, children[-1].type) == ("strong_open", "strong_close")
        if before.type == "heading_open" or (before.type == "paragraph_open" and bold):
            result.append((line_of(token), "".join(child.content for child in children)))
    return result


def displayed_tokens(lines: list[str]) -> list[tuple[Any, ...]]:
    """For each token of a Markdown text its first line, then everything that decides how it is displayed."""
    return [
        (
            token.map[0],
            token.type,
            token.tag,
            token.info,
            token.level,
            token.content,
            token.map[1] - token.map[0],
            [(child.type, child.content, str(child.attrs)) for child in token.children or []],
        )
        for token in parse(lines)
        if token.map
    ]


def line_of(token: Token) -> int:
    """The first line of a token, counted from 0."""
    return token.map[0] if token.map else 0
