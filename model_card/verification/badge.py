"""A badge that says how a verification ended: a flat SVG that asks nothing of anyone."""

from html import escape

from model_card.verification.lines.checks import Verification

HEIGHT, PADDING, CHARACTER = 20, 8, 6.6  # pixels; a character of 11 pixels in Verdana is about 6.6 wide
LEFT, GOOD, BAD, UNKNOWN = "#555", "#2f7d4f", "#b3372b", "#7a6a2f"


def badge(found: Verification) -> str:
    """The SVG: "verified: LEVEL" in green, "not verified" in red or "could not be looked at", and the short commit. The same result gives the same bytes."""
    said, colour = {
        "holds": (f"verified: {found.level}", GOOD),
        "does not hold": ("not verified", BAD),
    }.get(found.verdict, ("could not be looked at", UNKNOWN))
    parts = [("titlecraft", LEFT), (said, colour), (found.repo.revision[:8], LEFT)]
    widths = [round(len(text) * CHARACTER + 2 * PADDING) for text, _ in parts]
    drawn, left = [], 0
    for (text, colour), width in zip(parts, widths, strict=True):
        drawn.append(f'<rect x="{left}" width="{width}" height="{HEIGHT}" fill="{colour}"/>')
        drawn.append(
            f'<text x="{left + width / 2:g}" y="14" textLength="{width - 2 * PADDING}" lengthAdjust="spacingAndGlyphs">'
            f"{escape(text)}</text>"
        )
        left += width
    clip = f"titlecraft-{left}"  # on a page with several badges, those of one width may share it
    name = escape(f"{found.repo}: {said}")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left}" height="{HEIGHT}" role="img" aria-label="{name}">'
        f'<title>{name}</title><clipPath id="{clip}"><rect width="{left}" height="{HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#{clip})" fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" '
        f'font-size="11">{"".join(drawn)}</g></svg>\n'
    )
