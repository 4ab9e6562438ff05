"""Draws a badge with the result of a verification: a flat SVG that loads nothing from other sites."""

from html import escape

from model_card.verification.lines.line import WHAT_AGREES, Verification

HEIGHT, PADDING, CHARACTER = 20, 8, 6.6  # pixels; a character of 11 pixels in Verdana is about 6.6 wide
GREY, GREEN, RED, BROWN = "#555", "#2f7d4f", "#b3372b", "#7a6a2f"


def badge(result: Verification) -> str:
    """The SVG with the verdict and the short commit: "card = records" (what the level compares), "not verified" or "could not be looked at"."""
    verdict, colour = {
        "holds": (WHAT_AGREES[result.level], GREEN),
        "does not hold": ("not verified", RED),
    }.get(result.verdict, ("could not be looked at", BROWN))
    parts = [("titlecraft", GREY), (verdict, colour), (result.repo.revision[:8], GREY)]
    widths = [round(len(text) * CHARACTER + 2 * PADDING) for text, _ in parts]
    elements, left = [], 0
    for (text, colour), width in zip(parts, widths, strict=True):
        elements.append(f'<rect x="{left}" width="{width}" height="{HEIGHT}" fill="{colour}"/>')
        elements.append(
            f'<text x="{left + width / 2:g}" y="14" textLength="{width - 2 * PADDING}" lengthAdjust="spacingAndGlyphs">'
            f"{escape(text)}</text>"
        )
        left += width
    clip = f"titlecraft-{left}"  # badges of equal width on one page may share it
    name = escape(f"{result.repo}: {verdict}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left}" height="{HEIGHT}" role="img" aria-label="{name}">'
        f'<title>{name}</title><clipPath id="{clip}"><rect width="{left}" height="{HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#{clip})" fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" '
        f'font-size="11">{"".join(elements)}</g></svg>\n'
    )
