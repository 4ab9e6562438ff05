"""The cleaned rows between the two passes: first every row is read, then splits are assigned, then shards are written.

They wait in an Arrow file on disk, so that memory holds only 16 bytes of keys for each row.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

SCHEMA = pa.schema([("uid", pa.string()), ("title", pa.string()), ("content", pa.string())])
BATCH_ROWS = 10_000


class RowsFile:
    """Append cleaned rows, then read them back in the same order, batch by batch."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows = 0
        self._columns: tuple[list[str], list[str], list[str]] = ([], [], [])
        self._writer = pa.ipc.new_file(path, SCHEMA, options=pa.ipc.IpcWriteOptions(compression="zstd"))

    def append(self, uid: str, title: str, content: str) -> None:
        """Add one row."""
        for column, value in zip(self._columns, (uid, title, content), strict=True):
            column.append(value)
        self.rows += 1
        if len(self._columns[0]) == BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        self._writer.write_batch(pa.record_batch([pa.array(column, pa.string()) for column in self._columns], SCHEMA))
        self._columns = ([], [], [])

    def close(self) -> None:
        """Write what is left. The file can be read from now on."""
        if self._columns[0]:
            self._flush()
        self._writer.close()

    def select(self, mask: np.ndarray) -> Iterator[pa.RecordBatch]:
        """The rows where `mask` (bool, of shape (rows,)) holds, in batches."""
        with pa.memory_map(str(self.path)) as source:
            reader, start = pa.ipc.open_file(source), 0
            for index in range(reader.num_record_batches):
                batch = reader.get_batch(index)
                chosen = batch.filter(pa.array(mask[start : start + batch.num_rows]))
                start += batch.num_rows
                if chosen.num_rows:
                    yield chosen
