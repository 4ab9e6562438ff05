"""Colours of the report's plots in the light and the dark theme, and the two pictures of one figure.

A plot is drawn in the light colours. The dark picture is the same figure with each colour replaced: its layout, which takes
longest, is computed once.
"""

from io import BytesIO
from typing import Any

import numpy as np
from matplotlib.colors import to_hex, to_rgba, to_rgba_array
from PIL import Image

INK, FAINT, PAPER = "#1f2328", "#d5d9de", "#ffffff"
HUES = {"better": "#1a7f5a", "worse": "#b3432b"}
ARMS = ("#66707c", "#2f5fb3")
DARK = {
    INK: "#e6e8eb",
    FAINT: "#3a4048",
    PAPER: "#16191d",
    HUES["better"]: "#4cc38a",
    HUES["worse"]: "#f0795f",
    ARMS[0]: "#8c96a1",
    ARMS[1]: "#8db4f5",
}
COLOURS = 128  # of a palette PNG, a third of the bytes; enough for the edges of letters
PROPERTIES = ("color", "facecolor", "edgecolor", "markerfacecolor", "markeredgecolor")


def in_themes(figure: Any) -> dict[str, bytes]:
    """Return the PNGs of a figure that is drawn in the light colours, by theme; the figure is dark afterwards."""
    light = png(figure)
    figure.set_layout_engine("none")  # the positions stay
    darken(figure)
    return {"light": light, "dark": png(figure)}


def png(figure: Any) -> bytes:
    """Return the figure as PNG with at most COLOURS colours and no metadata; the same figure gives the same bytes."""
    figure.canvas.draw()
    picture = Image.fromarray(np.asarray(figure.canvas.buffer_rgba())).convert("RGB")
    out = BytesIO()
    few = picture.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    few.save(out, format="png", compress_level=6)  # the most, 9, takes four times as long for a tenth of the bytes
    return out.getvalue()


def darken(figure: Any) -> None:
    """Replace each light colour of the figure's artists by the dark one; opacity stays."""
    for artist in figure.findobj():
        for name in PROPERTIES:
            read = getattr(artist, f"get_{name}", None)
            if read is None:
                continue
            colours = to_rgba_array(read())
            dark = [to_rgba(DARK.get(to_hex(colour)) or colour, colour[3]) for colour in colours]
            if dark:
                getattr(artist, f"set_{name}")(dark if len(dark) > 1 else dark[0])
