"""Valid paths, branch names and repo ids: none leaves the root folder, and git and all file systems can hold them."""

import pytest

from local_hub.errors import BadRequest, UnsafePath
from local_hub.names import check_file_path, check_repo_id, is_good_ref_name


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../../up",
        "a/./b",
        "a//b",
        "a/",
        "nul\0byte",
        "line\nbreak",
        "\x7f",
        ".git/config",
        "a/.GIT/config",
        "a/.git./x",
        "a/.git /x",
        "git~1/x",
        ".g\u200cit/config",
        ".git::$INDEX_ALLOCATION/x",
        "a\\.git\\config",
        "..\\up",
        "\\\\host\\share",
        "x" * 256,
        "a/" * 3000 + "b",
        "a/" * 201 + "b",
        "half\ud800surrogate",
    ],
)
def test_bad_paths(path: str):
    with pytest.raises(UnsafePath):
        check_file_path(path)


@pytest.mark.parametrize(
    "path", ["a", "a/b.txt", ".gitattributes", ".github/x", "ünï/cödé.txt", "..a/b", "a b", "日本"]
)
def test_good_paths(path: str):
    assert check_file_path(path) == path


@pytest.mark.parametrize(
    "name", ["a..b", "a b", "-x", "x.lock", "a/.b", "refs/heads/x", "a~1", "HEAD", "f" * 40, "", "@"]
)
def test_bad_branches(name: str):
    assert not is_good_ref_name(name)


@pytest.mark.parametrize("name", ["v1.0", "feature/x", "0.1", "a-b_c"])
def test_good_branches(name: str):
    assert is_good_ref_name(name)


@pytest.mark.parametrize(
    "repo_id", ["a", "a/b/c", "../b", "a/..", "a/b--c", "a/b.git", "a/.b", "a/b-", "a/b c", "/b", "a/", "a/" + "b" * 97]
)
def test_bad_repo_ids(repo_id: str):
    with pytest.raises(BadRequest):
        check_repo_id(repo_id)


def test_good_repo_ids():
    assert check_repo_id("__DUMMY__/Llama-3.1-8b_x") == "__DUMMY__/Llama-3.1-8b_x"
