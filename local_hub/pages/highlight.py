"""Source code as HTML with Pygments' classes, which the stylesheet colours."""

import html
from typing import Any

from local_hub.untrusted.bounded import TooMuch, bounded

_MAX_COLOURED = 200_000  # characters; Pygments is too slow for more
_MAX_COLOURED_HERE = 20_000


def code_block(code: str, language: str) -> str:
    """A fenced block of a card: `<pre class="code"><code>…`, without colours for an unknown language."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_by_name(language, stripnl=False) if language else None
    except ClassNotFound:
        lexer = None
    return f'<pre class="code"><code>{_coloured(code, lexer)}</code></pre>\n'


def source_lines(text: str, file_name: str) -> list[str]:
    """The lines of a file, each as complete HTML."""
    if len(text) <= _MAX_COLOURED_HERE:
        return coloured_lines(text, file_name)
    try:
        return bounded(coloured_lines, text, file_name)
    except TooMuch:
        return _lines(html.escape(text))


def coloured_lines(text: str, file_name: str) -> list[str]:
    """As `source_lines`, without a time limit: Pygments is quadratic for some texts. Runs in `bounded`."""
    from pygments.lexers import get_lexer_for_filename
    from pygments.util import ClassNotFound

    try:
        lexer = get_lexer_for_filename(file_name, stripnl=False)
    except ClassNotFound:
        lexer = None
    # Pygments closes and reopens spans at the end of a line, so each line is complete
    return _lines(_coloured(text, lexer))


def _lines(coloured: str) -> list[str]:
    lines = coloured.split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _coloured(text: str, lexer: Any) -> str:
    from pygments import highlight
    from pygments.formatters import HtmlFormatter

    if lexer is None or len(text) > _MAX_COLOURED:
        return html.escape(text)
    return highlight(text, lexer, HtmlFormatter(nowrap=True))


def css_classes() -> set[str]:
    """All classes that Pygments gives to a span."""
    from pygments.token import STANDARD_TYPES

    return {name for name in STANDARD_TYPES.values() if name}
