"""`python -m local_hub check`: damages that it finds and sets aside, and its refusals."""

import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from local_hub.check.hub import check
from local_hub.errors import HubError, UsageError
from local_hub.root_folder import locked
from tests.local_hub.pages.pages_world import World, put
from tests.local_hub.repos.damages import ADA, LISTS, rewrite


@pytest.mark.parametrize("damage", ["refs/heads/dev", "refs/tags/v1", "discussions/1.json"])
def test_only_the_damaged_branch_tag_or_discussion_is_set_aside(
    root: Path, damage: str, capsys: pytest.CaptureFixture
) -> None:
    bad = root / "hub/repos/models/ada/bad.git"
    (bad / damage).parent.mkdir(exist_ok=True)
    (bad / damage).write_text("[]" if "json" in damage else "no id")
    world = World(root)
    for address in (
        *LISTS,
        "/ada/bad",
        "/api/models/ada/bad",
        "/api/models/ada/bad/refs",
        "/api/models/ada/bad/discussions",
    ):
        assert world.anonymous.get(address).status_code == 200, address
    assert check(root / "hub", move_damaged=True) == 1
    assert "damaged: model ada/bad: its " in capsys.readouterr().out
    assert (root / "hub/set-aside/repos/models/ada/bad.git" / damage).exists()
    assert check(root / "hub") == 0
    assert World(root).anonymous.get("/ada/bad").status_code == 200


def test_strays_are_set_aside_and_odd_names_are_not_served(root: Path, capsys: pytest.CaptureFixture) -> None:
    models = root / "hub/repos/models/ada"
    (models / "ghost.git/lfs/objects/ab").mkdir(parents=True)
    (models / "ghost.git/lfs/objects/ab/kept").write_text("kept")
    shutil.copytree(models / "good.git", models / "GOOD.git")
    shutil.copytree(models / "good.git", models / os.fsdecode(b"\xff.git"))
    assert check(root / "hub") == 1
    assert capsys.readouterr().out.count("damaged: model ") == 3
    world = World(root)
    assert (root / "hub/set-aside/repos/models/ada/ghost.git/lfs/objects/ab/kept").read_text() == "kept"
    assert sorted(repo["id"].lower() for repo in world.anonymous.get("/api/models").json()) == ["ada/bad", "ada/good"]
    assert world.anonymous.get("/").status_code == 200
    assert world.browser().post("/api/repos/create", json={"name": "ghost"}, headers=ADA).status_code == 200


@pytest.mark.parametrize("content", [b"", b"[]", b'{"model/ada/old": 5}', b"[" * 99_999])
def test_damaged_records_of_the_hub(root: Path, content: bytes, capsys: pytest.CaptureFixture) -> None:
    hub = root / "hub"
    (hub / "moved.json").write_bytes(content)
    for name in ("collections/" + "a" * 24, "jobs/ada/job"):
        (hub / name).parent.mkdir(parents=True, exist_ok=True)
        (hub / f"{name}.json").write_bytes(content)
    assert check(hub) == 1
    assert capsys.readouterr().out.count("damaged: ") == 3
    world = World(root)
    for address in (*LISTS, "/api/collections", "/api/jobs/ada"):
        assert world.anonymous.get(address, headers=ADA).status_code == 200, address
    assert world.anonymous.get("/api/jobs/ada/job", headers=ADA).status_code == 409
    assert world.anonymous.get(f"/api/collections/ada/x-{'a' * 24}", headers=ADA).status_code == 404
    assert (hub / "set-aside/moved.json").read_bytes() == content
    check(hub, move_damaged=True)
    assert check(hub) == 0


def test_a_namespace_that_cannot_be_read(root: Path, capsys: pytest.CaptureFixture) -> None:
    (root / "hub/repos/models/eve").symlink_to(root / "hub/repos/models/eve")
    (root / "hub/repos/models/.DS_Store").write_text("")
    assert World(root).anonymous.get("/api/models").status_code == 200
    assert check(root / "hub") == 1
    assert "damaged: model eve/*: the folder cannot be read" in capsys.readouterr().out
    check(root / "hub", move_damaged=True)
    assert check(root / "hub") == 0


def test_nothing_is_damaged_while_others_write(root: Path) -> None:
    store, stop, statuses = World(root).store, threading.Event(), []

    def write() -> None:
        while not stop.is_set():
            for repo_id in ("ada/good", "ada/new"):
                try:
                    repo = store.open("model", repo_id)
                    put(repo, {f"{time.monotonic_ns()}.txt": "x", "m.parquet": str(time.monotonic_ns())})
                except HubError:
                    pass
            store.create("model", "ada/new", author="ada")
            store.delete(store.open("model", "ada/new"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        statuses = [check(root / "hub") for _ in range(5)]
    finally:
        stop.set()
        writer.join()
    assert statuses == [0] * 5


def test_what_check_refuses(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a Hub's folder"):
        check(tmp_path / "elsewhere")
    with locked(root / "hub"):
        assert check(root / "hub") == 0
        with pytest.raises(UsageError, match="is served"):
            check(root / "hub", move_damaged=True)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"0" * 40, b"ref: HEAD\n"])
def test_a_head_that_only_git_reads(root: Path, content: bytes, capsys: pytest.CaptureFixture) -> None:
    """All pages work, and `git clone` fails."""
    rewrite(root / "hub/repos/models/ada/bad.git/HEAD", content)
    assert check(root / "hub") == 1
    assert "damaged: model ada/bad: its HEAD names no branch" in capsys.readouterr().out


def test_a_file_where_the_folder_of_all_datasets_would_be(root: Path, capsys: pytest.CaptureFixture) -> None:
    (root / "hub/repos/datasets").write_text("left behind")
    assert check(root / "hub") == 1
    assert "damaged: repos/datasets: it is no folder, so that no dataset can be made" in capsys.readouterr().out
