"""Saves arrays to disk, for other processes to read."""

import io
from pathlib import Path

import numpy as np


def save_array(path: Path, array: np.ndarray) -> None:
    """Save an array as numpy.save does.

    On a full disk the OSError says so; that of numpy.save says "0 requested and 0 written".
    """
    buffer = io.BytesIO()
    np.save(buffer, array)
    path.write_bytes(buffer.getbuffer())
