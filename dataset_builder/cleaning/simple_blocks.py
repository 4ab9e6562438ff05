"""Reads HTML of paragraphs, line breaks, lists and divisions, which most catalogues have no tags beyond, without building a tree.

The text is that of the parser: the stack of open elements follows the HTML standard (13.2.6.4.7), which ignores end tags of what
is not open.
"""

import re

TAG = re.compile("(<[^>]*>)")
SIMPLE = frozenset(["p", "br", "hr", "ul", "ol", "li", "div"])
VOID = frozenset(("br", "hr"))
LISTS = ("ul", "ol")


def text_of_simple(html: str, block: str, item: str) -> str | None:
    """Return the text of bare tags and escaped text with `block` around blocks and `item` before items; None for other tags."""
    pieces = TAG.split(html)
    if not SIMPLE.issuperset({tag.strip("</>") for tag in pieces[1::2]}):
        return None
    stack: list[str] = []
    texts: list[str] = []
    for piece in pieces:
        name = piece.strip("</>")
        if not piece.startswith("<"):
            texts.append(piece if texts else piece.lstrip(" \t\n\f"))
        elif piece.startswith("</") and name != "br":
            if texts and close(name, stack):
                texts.append(block)
        else:
            open_element(name, stack)
            texts.append(block + item if name == "li" else block)
        if texts == [""]:
            texts.clear()  # white space before the first text or start tag is none of the body's
    return "".join(texts)


def open_element(name: str, stack: list[str]) -> None:
    """Put an element on the stack, without the paragraph and the item that it ends."""
    if name == "li":
        for place in range(len(stack) - 1, -1, -1):
            if stack[place] in LISTS:
                break
            if stack[place] == "li":
                del stack[place:]
                break
    if name != "br" and stack and stack[-1] == "p":
        stack.pop()
    if name not in VOID:
        stack.append(name)


def close(name: str, stack: list[str]) -> bool:
    """Take an element and all within it from the stack; return False if it is not open. A paragraph's end alone is an empty one."""
    for place in range(len(stack) - 1, -1, -1):
        if stack[place] == name:
            del stack[place:]
            return True
        if name == "li" and stack[place] in LISTS:
            break
    return name == "p"
