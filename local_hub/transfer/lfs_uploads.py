"""Pending uploads of LFS objects, each with a random key in its address."""

import secrets
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from local_hub.errors import DiskFull, NotFound, RepoGone
from local_hub.git.lfs_pointer import LfsPointer
from local_hub.repos.repository import Repository

_IDLE_SECONDS = 3600


@dataclass
class Upload:
    """A pending upload of one object to one repo."""

    repo: Repository
    pointer: LfsPointer
    part_bytes: int | None = None
    parts: Path | None = None  # folder of the received parts
    last_used: float = field(default_factory=time.monotonic)

    def drop_parts(self) -> None:
        """Delete the parts. The address stays valid, because clients repeat a request whose answer was lost."""
        if self.parts is not None:
            shutil.rmtree(self.parts, ignore_errors=True)
            self.parts = None

    @contextmanager
    def parts_dropped_when_disk_full(self) -> Iterator[None]:
        """Delete the parts if the block raises DiskFull: the rest would not fit."""
        try:
            yield
        except DiskFull:
            self.drop_parts()
            raise


class Uploads:
    """All pending uploads by key."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_key: dict[str, Upload] = {}

    def add(self, upload: Upload) -> str:
        """Add an upload and return its key. Uploads that were idle for an hour are dropped."""
        key = secrets.token_urlsafe(24)
        oldest = time.monotonic() - _IDLE_SECONDS
        with self._lock:
            for old in [key for key, upload in self._by_key.items() if upload.last_used < oldest]:
                self._by_key.pop(old).drop_parts()
            self._by_key[key] = upload
        return key

    def get(self, key: str) -> Upload:
        """The upload with this key. Raises NotFound, RepoGone."""
        upload = self._by_key.get(key)
        if upload is None:
            raise NotFound("This upload address has expired: start the upload again")
        try:
            upload.repo.lock.check()
        except RepoGone:
            upload.drop_parts()
            raise
        upload.last_used = time.monotonic()
        return upload
