"""Renders cards as safe HTML: GitHub's Markdown, with links that work inside the Hub.

A card may contain raw HTML, so the result is sanitised as a whole: no scripts, styles, forms, frames or event handlers.
Images are loaded from this Hub only, because the owner of another server would learn who reads the card.
"""

import posixpath
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from html import escape
from itertools import islice
from typing import Any
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.token import Token

from local_hub.pages import addresses
from local_hub.pages.highlight import code_block, css_classes
from local_hub.untrusted.bounded import TooMuch, bounded

_ANCHOR = "card-"  # prefix of every id of a card, so that it cannot imitate a part of the page
_MAX_CHARACTERS, _MAX_CHARACTERS_AS_SOURCE = 500_000, 100_000
# some texts of this length take the parser a tenth of a second, and the time is quadratic in the length
_MAX_CHARACTERS_HERE = 20_000
# making the anchors of equal headings unique is quadratic in their number
_MAX_ANCHORS = 1000
_HEADING = re.compile(r"^[ >\d.*+-]*#|^[ >]*(=+|-+)[ \t]*$", re.MULTILINE)

_TAGS = set(
    re.findall(
        r"\w+",
        "a abbr b blockquote br caption code dd del details div dl dt em figcaption figure h1 h2 h3 h4 h5 h6 hr i img input "
        "ins kbd li mark ol p picture pre q s samp section small source span strong sub summary sup table tbody td tfoot th thead "
        "tr u ul var wbr",
    )
)
_ALIGNED = ["div", "h1", "h2", "h3", "h4", "h5", "h6", "p", "td", "th", "img", "table"]
_ATTRIBUTES = {
    **{tag: {"id", "align"} for tag in _ALIGNED},
    "a": {"href", "title", "id"},
    "img": {"src", "alt", "title", "width", "height", "align"},
    "source": {"srcset", "media", "type"},
    "input": {"type", "checked", "disabled"},
    "td": {"align", "colspan", "rowspan"},
    "th": {"align", "colspan", "rowspan", "scope"},
    "ol": {"start"},
    "li": {"id"},
    "section": {"id"},
    "details": {"open"},
    "abbr": {"title"},
}
_CLASSES = {
    "pre": {"code"},
    "div": {
        "markdown-alert",
        *(f"markdown-alert-{kind}" for kind in ("note", "tip", "important", "warning", "caution")),
    },
    "p": {"markdown-alert-title"},
    "ul": {"contains-task-list"},
    "li": {"task-list-item", "footnote-item"},
    "sup": {"footnote-ref"},
    "section": {"footnotes"},
}


# GitHub's tag filter: these tags would swallow the text after them, so they are shown as text. The sanitiser removes a
# complete script or style.
_HASH = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SWALLOWING = re.compile(r"<(?=/?(?:title|textarea|xmp|iframe|noembed|noframes|plaintext)\b)", re.IGNORECASE)
_OPEN_SCRIPT_OR_STYLE = re.compile(r"<(?=/?(?:script|style)\b)", re.IGNORECASE)
_CLOSED = ("</script>", "</style>")


@dataclass(frozen=True)
class Surroundings:
    """The repo, revision and folder of a Markdown file, for its relative addresses."""

    repo_type: str
    repo_id: str
    revision: str
    folder: str = ""

    def link(self, address: str) -> str | None:
        """The target of a link: the page of a file, an anchor of the card, or another site; None for other schemes."""
        if address.startswith("#"):
            return f"#{_ANCHOR}{address[1:]}"
        scheme = _scheme(address)
        if scheme:
            return address if scheme in ("http", "https", "mailto") else None
        if address.startswith("/"):
            return address
        # links to HTML files, such as reports, open the file and not its source
        opens = address.partition("#")[0].lower().endswith((".html", ".htm"))
        return self._in_repo("resolve" if opens else "blob", address)

    def image(self, address: str) -> str | None:
        """The source of an image; None if it is not on this Hub."""
        if _scheme(address) or address.startswith(("//", "/\\")):
            return address if address.startswith("data:image/") else None
        return address if address.startswith("/") else self._in_repo("resolve", address)

    def _in_repo(self, kind: str, address: str) -> str | None:
        path, _, anchor = address.partition("#")
        path = posixpath.normpath(posixpath.join(self.folder, unquote(path.partition("?")[0])))
        if path.startswith(".."):
            return None
        page = addresses.inside(self.repo_type, self.repo_id, kind, self.revision, "" if path == "." else path)
        return f"{page}#{anchor}" if anchor else page


def _scheme(address: str) -> str:
    """The scheme of an address in lower case; empty for a relative address."""
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):", address)
    return match[1].lower() if match else ""


def render_markdown(text: str, where: Surroundings) -> str:
    """Safe HTML of a Markdown text; its source, if it is too large or takes too long."""
    if len(text) <= _MAX_CHARACTERS_HERE:
        return _kept(text, where)
    try:
        html = bounded(rendered, text[:_MAX_CHARACTERS], where)
        cut = "This text goes on: only its beginning is shown." if len(text) > _MAX_CHARACTERS else ""
    except TooMuch:
        html = f"<pre><code>{escape(text[:_MAX_CHARACTERS_AS_SOURCE])}</code></pre>"
        cut = "This text is too large to show formatted" + (
            ", and this is only its beginning." if len(text) > _MAX_CHARACTERS_AS_SOURCE else "."
        )
    return f"<p><em>{cut}</em></p>\n{html}" if cut else html


@lru_cache(maxsize=64)
def _kept(text: str, where: Surroundings) -> str:
    return rendered(text, where)


def rendered(text: str, where: Surroundings) -> str:
    """The HTML, without a limit of time."""
    environment: dict[str, Any] = {"where": where}
    anchors = sum(1 for _ in islice(_HEADING.finditer(text), _MAX_ANCHORS + 1)) <= _MAX_ANCHORS
    return _cleaner(where).clean(_parser(anchors).render(text, environment))


@cache
def _parser(anchors: bool) -> MarkdownIt:
    from mdit_py_plugins.anchors import anchors_plugin
    from mdit_py_plugins.gfm import gfm_plugin

    parser = MarkdownIt("commonmark", {"html": True, "highlight": lambda code, language, _: code_block(code, language)})
    gfm_plugin(parser)
    if anchors:
        parser.use(anchors_plugin, max_level=6)
    parser.add_render_rule("image", _image)
    parser.add_render_rule("code_inline", _code)
    for rule in ("th_open", "td_open"):
        parser.add_render_rule(rule, _cell)
    for rule in ("html_inline", "html_block"):
        parser.add_render_rule(rule, _raw_html)
    return parser


def _image(renderer: Any, tokens: list[Token], index: int, options: Any, environment: dict[str, Any]) -> str:
    """Render an image; one from another site becomes a link."""
    token = tokens[index]
    address = str(token.attrs.get("src", ""))
    if environment["where"].image(address) is None:
        text = renderer.renderInlineAsText(token.children, options, environment) or address
        return f'<a href="{escape(address)}">{escape(text)}</a>'
    return renderer.image(tokens, index, options, environment)


def _code(renderer: Any, tokens: list[Token], index: int, options: Any, environment: dict[str, Any]) -> str:
    """Render code in a line; a hash may break after each eight characters, so that no single one is left on a line."""
    content = tokens[index].content
    if _HASH.fullmatch(content):
        return f"<code>{'<wbr>'.join(content[at : at + 8] for at in range(0, len(content), 8))}</code>"
    return renderer.code_inline(tokens, index, options, environment)


def _cell(renderer: Any, tokens: list[Token], index: int, options: Any, environment: dict[str, Any]) -> str:
    """Render a table cell with an `align` attribute, because the page's policy forbids style attributes."""
    token = tokens[index]
    style = str(token.attrs.pop("style", ""))
    if style.startswith("text-align:"):
        token.attrs["align"] = style.removeprefix("text-align:")
    return renderer.renderToken(tokens, index, options, environment)


def _raw_html(renderer: Any, tokens: list[Token], index: int, options: Any, environment: dict[str, Any]) -> str:
    html = _SWALLOWING.sub("&lt;", tokens[index].content)
    return html if html.rstrip().lower().endswith(_CLOSED) else _OPEN_SCRIPT_OR_STYLE.sub("&lt;", html)


def _cleaner(where: Surroundings) -> Any:
    from nh3 import Cleaner

    def attribute(tag: str, name: str, value: str) -> str | None:
        if tag == "a" and name == "href":
            return where.link(value.strip())
        if name == "src":
            return where.image(value.strip())
        if name == "srcset":  # a single image for light or dark pages; lists of sizes are dropped
            return None if re.search(r"[\s,]", value.strip()) else where.image(value.strip())
        return value

    return Cleaner(
        tags=_TAGS,
        clean_content_tags={"script", "style"},
        attributes=_ATTRIBUTES,
        attribute_filter=attribute,
        allowed_classes={**_CLASSES, "span": css_classes()},
        set_tag_attribute_values={"input": {"type": "checkbox", "disabled": "disabled"}, "img": {"loading": "lazy"}},
        url_schemes={"http", "https", "mailto", "data"},
        link_rel="noopener noreferrer nofollow",
        id_prefix=_ANCHOR,
    )
