"""The storage layer by itself: commits, revisions, trees, history."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from local_hub.errors import (
    AlreadyExists,
    BadRequest,
    EntryNotFound,
    RepoMoved,
    RepoNotFound,
    RevisionNotFound,
    StaleParent,
    UnsafePath,
)
from local_hub.git.refs import MAIN
from local_hub.repos import history
from local_hub.repos.operations import AddFile, AddLfsFile, CopyFile, DeleteFile, DeleteFolder
from local_hub.repos.repository import Repository
from local_hub.repos.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "root")


@pytest.fixture
def repo(store: Store) -> Repository:
    return store.create("model", "Ada/Net", author="Ada")


def write(repo: Repository, *operations, summary: str = "change", parent: str | None = None) -> str:
    return repo.commit(MAIN, operations, author="Ada", summary=summary, parent=parent)


def paths(repo: Repository, revision: str = "main") -> list[str]:
    return [entry.path for entry in repo.files(repo.resolve(revision)) if entry.path != ".gitattributes"]


def test_a_commit_adds_copies_and_deletes_at_once(repo: Repository, fsck: Callable):
    write(repo, AddFile("a.txt", b"one"), AddFile("data/b.txt", b"two"), AddFile("data/deep/c.txt", b"three"))
    write(repo, CopyFile("copy.txt", "a.txt"), DeleteFile("a.txt"), DeleteFolder("data/deep"))
    assert paths(repo) == ["copy.txt", "data/b.txt"]
    assert repo.read(repo.head(), "copy.txt") == b"one"
    fsck(repo.folder)


def test_folders_that_become_empty_disappear(repo: Repository):
    write(repo, AddFile("x/y/z.txt", b"1"))
    write(repo, DeleteFile("x/y/z.txt"))
    assert [entry.path for entry in repo.tree(repo.head())] == [".gitattributes"]


def test_a_commit_without_change_is_the_head(repo: Repository):
    head = write(repo, AddFile("a.txt", b"same"))
    assert write(repo, AddFile("a.txt", b"same")) == head


def test_only_the_head_is_a_good_parent(repo: Repository):
    first = repo.head()
    second = write(repo, AddFile("a.txt", b"1"), parent=first)
    with pytest.raises(StaleParent):
        write(repo, AddFile("b.txt", b"2"), parent=first)
    assert repo.head() == second


def test_a_failing_operation_leaves_nothing(repo: Repository):
    head = repo.head()
    for bad, error in (
        (DeleteFile("missing"), EntryNotFound),
        (DeleteFolder("missing"), EntryNotFound),
        (AddLfsFile("big.bin", "0" * 64, 3), BadRequest),
        (AddFile(".gitattributes/x", b""), UnsafePath),
        (AddFile("../x", b""), UnsafePath),
    ):
        with pytest.raises(error):
            write(repo, AddFile("good.txt", b"1"), bad)
    assert repo.head() == head


def test_a_file_cannot_replace_a_folder(repo: Repository):
    write(repo, AddFile("x/y.txt", b"1"))
    with pytest.raises(UnsafePath, match="folder"):
        write(repo, AddFile("x", b"2"))


def test_revisions_are_branches_tags_and_shas(repo: Repository):
    first = repo.head()
    second = write(repo, AddFile("a.txt", b"1"))
    repo.refs.set("refs/tags/v1.0", first)
    repo.refs.set("refs/heads/try/this", second)
    repo.refs.set("refs/pr/1", first)
    names = {"main": second, "v1.0": first, "try/this": second, "refs/pr/1": first, first: first, second[:9]: second}
    assert {name: repo.resolve(name) for name in names} == names
    for unknown in ("v2", "f" * 40, "refs/pr/2", "../HEAD", ""):
        with pytest.raises(RevisionNotFound):
            repo.resolve(unknown)


def test_large_files_are_stored_once_and_read_through_the_pointer(repo: Repository):
    pointer = repo.lfs.store(b"weights" * 1000)
    write(repo, AddLfsFile("a.bin", pointer.sha256, 7000), AddLfsFile("b.bin", pointer.sha256))
    entry = repo.file(repo.head(), "b.bin")
    assert (entry.size, entry.etag, entry.lfs) == (7000, pointer.sha256, pointer)
    assert repo.read(repo.head(), "a.bin") == b"weights" * 1000
    assert len([file for file in repo.lfs.folder.rglob("*") if file.is_file()]) == 1


def test_the_last_commit_of_each_path(repo: Repository):
    first = write(repo, AddFile("a/1.txt", b"1"), AddFile("b.txt", b"1"))
    two = write(repo, AddFile("a/2.txt", b"2"))
    three = write(repo, AddFile("b.txt", b"3"))
    last = history.last_commits(repo, three, ["a", "a/1.txt", "a/2.txt", "b.txt", "missing"])
    assert {path: commit.id for path, commit in last.items()} == {
        "a": two,
        "a/1.txt": first,
        "a/2.txt": two,
        "b.txt": three,
    }
    assert [commit.id for commit in history.commits(repo, three)][:3] == [three, two, first]
    assert history.count_commits(repo, three) == 4


def test_ids_are_found_in_any_case_and_after_a_restart(store: Store, repo: Repository):
    assert store.open("model", "ada/NET") is repo
    assert Store(store.root).open("model", "ADA/net").id == "Ada/Net"
    with pytest.raises(AlreadyExists):
        store.create("model", "ada/net", author="Ada")
    with pytest.raises(RepoNotFound):
        store.open("dataset", "Ada/Net")


def test_a_moved_repo_is_found_under_its_new_id(store: Store, repo: Repository):
    store.move(repo, "Ada/Second")
    store.move(store.open("model", "Ada/Second"), "Ada/Third")
    for old in ("Ada/Net", "ada/second"):
        with pytest.raises(RepoMoved) as moved:
            Store(store.root).open("model", old)
        assert moved.value.new_id == "Ada/Third"
    assert [repo.id for repo in store.list()] == ["Ada/Third"]


def test_a_deleted_repo_leaves_no_files(store: Store, repo: Repository):
    store.delete(repo)
    assert not repo.folder.exists()
    assert not any(store.temporary.path.iterdir())
    assert store.list() == []


def test_a_thousand_files_in_one_commit_are_one_pack(repo: Repository, fsck: Callable):
    write(repo, *(AddFile(f"d{i % 10}/{i}.txt", b"%d" % i) for i in range(1000)))
    assert len(paths(repo)) == 1000
    assert len(list((repo.folder / "objects/pack").glob("*.pack"))) == 1
    fsck(repo.folder)


def test_concurrent_commits_follow_each_other(repo: Repository, fsck: Callable):
    def work(worker: int) -> None:
        for i in range(10):
            write(repo, AddFile(f"{worker}/{i}.txt", b"%d" % i))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(paths(repo)) == 80
    assert history.count_commits(repo, repo.head()) == 81
    fsck(repo.folder)


def test_a_duplicate_stands_on_its_own(store: Store, repo: Repository, fsck: Callable):
    pointer = repo.lfs.store(b"weights")
    write(repo, AddFile("a.txt", b"1"), AddLfsFile("w.bin", pointer.sha256))
    copy = store.duplicate(repo, "Ada/Copy")
    store.delete(repo)
    assert paths(copy) == ["a.txt", "w.bin"]
    assert copy.read(copy.head(), "w.bin") == b"weights"
    assert write(copy, AddFile("b.txt", b"2"))
    fsck(copy.folder)
