"""Writes a figure of a card as PNG."""

from pathlib import Path
from typing import Any


def save_png(figure: Any, path: Path, dpi: int) -> None:
    """Write the figure as PNG without matplotlib's version: the same figure gives the same bytes.

    `figure.savefig` writes these bytes too, but draws a figure with a layout engine twice.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.image import imsave

    figure.set_dpi(dpi)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    imsave(path, canvas.buffer_rgba(), format="png", dpi=dpi, metadata={"Software": None})  # pyright: ignore[reportArgumentType]
