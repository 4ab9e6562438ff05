"""Render a Markdown document as one self-contained HTML file."""

from base64 import b64encode
from html import escape
from importlib.resources import files

from markdown_it import MarkdownIt

PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}</main>
</body>
</html>
"""


def render_page(text: str, language: str, pictures: dict[str, bytes]) -> str:
    """The HTML page of a document.

    Args:
        text: Markdown. HTML in it is escaped. Its pictures have the path `assets/NAME`.
        language: BCP 47 code, for screen readers and hyphenation.
        pictures: PNG files by NAME, which are embedded.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    body = parser.render(text)
    for name, content in pictures.items():
        body = body.replace(f'src="assets/{name}"', f'src="data:image/png;base64,{b64encode(content).decode()}"')
    body = body.replace("<table>", '<div class="scroll"><table>').replace("</table>", "</table></div>")
    title = text.partition("\n")[0].removeprefix("# ")
    style = (files("playground.document") / "templates" / "document.css").read_text(encoding="utf-8")
    return PAGE.format(language=language, title=escape(title), style=style, body=body)
