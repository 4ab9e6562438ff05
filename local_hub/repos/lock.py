"""The lock of one repo, which ends with the repo: after a delete or a rename nothing is written where it lay."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from local_hub.errors import RepoGone


class RepoLock:
    """`with lock:` for whatever changes refs or settings; `with lock.placing():` for the moment in which a file that is
    complete is put into the repo's folder. Both raise RepoGone once the repo has gone."""

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
        """True once the repo was deleted or renamed."""
        return self._renamed is not None

    def check(self) -> None:
        """Raises RepoGone."""
        if self._renamed is not None:
            raise RepoGone(renamed=self._renamed)

    @contextmanager
    def placing(self) -> Iterator[None]:
        """The repo stays where it is during the block, which must be short: no reading, no waiting for the disk."""
        with self._placing:
            self.check()
            yield

    def end(self, *, renamed: bool) -> None:
        """The repo leaves its folder now. The caller holds the lock."""
        with self._placing:
            self._renamed = renamed
