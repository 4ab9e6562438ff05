"""Hostile `.gitattributes` and `.gitignore` neither break a request nor block others."""

import time
from pathlib import Path

import pytest

from local_hub.api.upload_rules import UploadRules
from local_hub.repos.repository import Repository
from tests.local_hub.pages.pages_world import World, put

ODD = [
    b"[[[[",
    b"[a-",
    b"!\n/\n\\",
    b"\xff\xfe\0",
    b"*a" * 20 + b"b",
    b"**/" * 300 + b"a",
    b"a/" * 2000 + b"b",
    b"?" * 5000,
]
PATHS = ["a" * 250, "/".join(["a" * 50] * 45), "a/" * 1500 + "b", "x.bin", "deep/folder/model.tar.gz"]


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return World(tmp_path).repo("model", "ada/net", {"x": "x"})


@pytest.mark.parametrize("pattern", ODD, ids=range(len(ODD)))
def test_odd_patterns_cost_nothing_and_the_others_count(repo: Repository, pattern: bytes) -> None:
    attributes = pattern + b" filter=lfs\n*.bin filter=lfs -text\n*.tar.* filter=lfs\nsaved/**/* filter=lfs\n"
    commit = put(repo, {".gitattributes": attributes, ".gitignore": pattern + b"\n*.tmp\n"})
    began = time.process_time()
    for ignored in (None, (pattern + b"\n*.tmp\n").decode(errors="replace")):
        rules = UploadRules(repo, commit, ignored)
        for path in PATHS:
            rules.goes_to_lfs(path, 5, b"")
            rules.is_ignored(path)
        assert (
            rules.goes_to_lfs("x.bin", 5, b"")
            and rules.goes_to_lfs("saved/a/b", 5, b"")
            and rules.goes_to_lfs("a/b.tar.gz", 5, b"")
        )
        assert rules.is_ignored("a/b.tmp") and not rules.is_ignored("x.bin")
    assert time.process_time() - began < 2
