"""Arrays on disk, for other processes to read."""

import io
from pathlib import Path

import numpy as np


def save_array(path: Path, array: np.ndarray) -> None:
    """As numpy.save, but where the disk is full the OSError says so (numpy's own says "0 requested and 0 written")."""
    buffer = io.BytesIO()
    np.save(buffer, array)
    path.write_bytes(buffer.getbuffer())
