"""The pointer that git stores in place of a large file."""

import re
from dataclasses import dataclass

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize (\d+)\n?"
)
MAX_POINTER_BYTES = 1024
MAX_OBJECT_BYTES = 2**63 - 1  # no file system holds more


@dataclass(frozen=True)
class LfsPointer:
    """The sha256 and size of a large file."""

    sha256: str
    size: int

    def content(self) -> bytes:
        """The pointer file in the form of the git-lfs specification."""
        return f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\nsize {self.size}\n".encode()

    @classmethod
    def parse(cls, content: bytes) -> "LfsPointer | None":
        """The pointer in a pointer file; None for any other file."""
        match = _POINTER.fullmatch(content) if len(content) <= MAX_POINTER_BYTES else None
        if match is None or len(match[2]) > 19 or int(match[2]) > MAX_OBJECT_BYTES:
            return None
        return cls(match[1].decode(), int(match[2]))

    @staticmethod
    def is_impossible(content: bytes) -> bool:
        """Return True for a pointer to an object that is larger than any file; `parse` returns None for it."""
        looks_like_one = len(content) <= MAX_POINTER_BYTES and _POINTER.fullmatch(content) is not None
        return looks_like_one and LfsPointer.parse(content) is None
