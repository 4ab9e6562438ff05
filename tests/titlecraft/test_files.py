"""Comparison of files with their records."""

from pathlib import Path

from titlecraft.files import is_unchanged
from titlecraft.records import describe_file


def test_a_file_is_unchanged_until_its_bytes_change(tmp_path: Path) -> None:
    file = tmp_path / "inner" / "a.txt"
    file.parent.mkdir()
    file.write_text("one")
    recorded = describe_file(tmp_path, file)
    assert is_unchanged(tmp_path, recorded)
    file.write_text("two")
    assert not is_unchanged(tmp_path, recorded)
    file.unlink()
    assert not is_unchanged(tmp_path, recorded)
