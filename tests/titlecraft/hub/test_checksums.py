"""SHA256SUMS is read strictly."""

import pytest

from titlecraft.errors import UserError
from titlecraft.hub.checksums import read_sums, write_sums


def test_malformed_sums_are_refused() -> None:
    sums = {"b/c.txt": "0" * 64, "a.txt": "f" * 64}
    raw = write_sums(sums | {"README.md": "1" * 64})
    assert raw.decode() == f"{'f' * 64}  a.txt\n{'0' * 64}  b/c.txt\n" and read_sums(raw, "SHA256SUMS") == sums
    for broken in (raw + raw, raw.replace(b"f" * 64, b"f" * 63), raw.replace(b"  a", b" *a"), b"x" * 64 + b"  a\n"):
        with pytest.raises(UserError, match="SHA256SUMS, line"):
            read_sums(broken, "SHA256SUMS")
