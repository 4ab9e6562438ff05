"""The lock of one repo. After a delete or a rename nothing is written to the old folder."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from local_hub.errors import RepoGone


class RepoLock:
    """`with lock:` around changes of refs or settings; `with lock.placing():` around the rename of a complete file into
    the repo's folder. Both raise RepoGone after a delete or a rename of the repo."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._placing = threading.Lock()
        self._renamed: bool | None = None

    def __enter__(self) -> "RepoLock":
        self._lock.acquire()
        try:
            self.check()
        except RepoGone:
            self._lock.release()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._lock.release()

    @property
    def gone(self) -> bool:
        """True if the repo was deleted or renamed."""
        return self._renamed is not None

    def check(self) -> None:
        """Raises RepoGone if the repo was deleted or renamed."""
        if self._renamed is not None:
            raise RepoGone(renamed=self._renamed)

    @contextmanager
    def placing(self) -> Iterator[None]:
        """The repo keeps its folder during the block. The block must be short: no reading, no fsync."""
        with self._placing:
            self.check()
            yield

    def end(self, *, renamed: bool) -> None:
        """Mark the repo as deleted or renamed. The caller holds the lock."""
        with self._placing:
            self._renamed = renamed
