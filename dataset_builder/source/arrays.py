"""Makes and reads Arrow arrays without `pyarrow.array` and `to_numpy`, which import pandas: 0.3 s of every worker process."""

import numpy as np
import pyarrow as pa


def text_array(texts: list[bytes]) -> pa.Array:
    """Return an array of texts, given their UTF-8. Raises OverflowError if they are 2 GB or more, which one block never is."""
    ends = np.cumsum(np.fromiter(map(len, [b"", *texts]), np.int64, len(texts) + 1))
    if ends[-1] > np.iinfo(np.int32).max:
        raise OverflowError(f"{ends[-1]:,} bytes of text in one array")
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(ends.astype(np.int32)), pa.py_buffer(b"".join(texts)))


def index_array(numbers: np.ndarray) -> pa.Array:
    """Return an array of whole numbers, for `take`."""
    return pa.Array.from_buffers(pa.int64(), len(numbers), [None, pa.py_buffer(numbers.astype(np.int64))])


def lengths_of(lengths: pa.Array) -> np.ndarray:
    """Return the values of an array of int32 without nulls."""
    return np.frombuffer(lengths.buffers()[1], np.int32)[lengths.offset : lengths.offset + len(lengths)]
