"""One damaged repo breaks no list: it is shown as damaged, its own addresses say so, and `hub check` finds it."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local_hub.check.hub import check
from local_hub.errors import HubError, UsageError
from local_hub.root_folder import locked
from tests.local_hub.pages.pages_world import OTHER_TOKEN, WRITE_TOKEN, World, put, text_of

ADA, EVE = {"Authorization": f"Bearer {WRITE_TOKEN}"}, {"Authorization": f"Bearer {OTHER_TOKEN}"}
LISTS = ("/", "/ada", "/api/models", "/api/models?full=1&cardData=1&config=1", "/api/models-tags-by-type",
         "/api/models?expand=safetensors&sort=likes", "/api/users/ada/overview", "/api/models/ada/good", "/ada/good")  # fmt: skip


def loose(repo: Path) -> list[Path]:
    return [file for file in repo.glob("objects/??/*") if file.is_file()]


def main_commit(repo: Path) -> Path:
    oid = (repo / "refs/heads/main").read_text().strip()
    return repo / "objects" / oid[:2] / oid[2:]


def rewrite(file: Path, content: bytes) -> None:
    file.chmod(0o644)
    file.write_bytes(content)


def change_settings(**fields: object) -> Callable[[Path], None]:
    def change(repo: Path) -> None:
        rewrite(repo / "hub.json", json.dumps(json.loads((repo / "hub.json").read_bytes()) | fields).encode())

    return change


def truncate_packs(repo: Path) -> None:
    for pack in repo.glob("objects/pack/*.pack"):
        rewrite(pack, pack.read_bytes()[:40])


def link_to_itself(repo: Path) -> None:
    shutil.rmtree(repo)
    repo.symlink_to(repo)


def file_in_its_place(repo: Path) -> None:
    shutil.rmtree(repo)
    repo.write_text("no folder")


def swap_two_objects(repo: Path) -> None:
    """Every object is valid by itself, and none is what its name says."""
    files = loose(repo)
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, contents[1:] + contents[:1], strict=True):
        rewrite(file, content)


UNREADABLE = {  # nobody can tell who may see them: only their namespace is told
    "empty settings": lambda repo: rewrite(repo / "hub.json", b""),
    "no settings": lambda repo: (repo / "hub.json").unlink(),
    "settings that are a folder": lambda repo: ((repo / "hub.json").unlink(), (repo / "hub.json").mkdir()),
    "settings that are a list": lambda repo: rewrite(repo / "hub.json", b"[]"),
    "settings without visibility": lambda repo: rewrite(repo / "hub.json", b'{"internal_id": "x"}'),
    "settings that are a pipe": lambda repo: ((repo / "hub.json").unlink(), os.mkfifo(repo / "hub.json")),
    "deep settings": lambda repo: rewrite(repo / "hub.json", b"[" * 100_000),
    "visibility that is a word": change_settings(private="no"),
    "likes that are a number": change_settings(likes=5),
    "access of the wrong kind": change_settings(access={"eve": {"status": 5, "timestamp": 1}}),
    "a time that is none": change_settings(created_at="yesterday"),
    "a link to itself": link_to_itself,
    "a file in its place": file_in_its_place,
}
BROKEN = {
    "empty main": lambda repo: rewrite(repo / "refs/heads/main", b""),
    "no main": lambda repo: (repo / "refs/heads/main").unlink(),
    "main that is no id": lambda repo: rewrite(repo / "refs/heads/main", b"\xff\xfe"),
    "main that is a pipe": lambda repo: ((repo / "refs/heads/main").unlink(), os.mkfifo(repo / "refs/heads/main")),
    "main that leads nowhere": lambda repo: rewrite(repo / "refs/heads/main", b"0" * 40 + b"\n"),
    "empty commit": lambda repo: rewrite(main_commit(repo), b""),
    "no commit": lambda repo: main_commit(repo).unlink(),
    "half a commit": lambda repo: rewrite(main_commit(repo), main_commit(repo).read_bytes()[:20]),
    "a commit that is a folder": lambda repo: (main_commit(repo).unlink(), main_commit(repo).mkdir()),
    "a commit of zeros": lambda repo: rewrite(main_commit(repo), bytes(100)),
    "no objects": lambda repo: shutil.rmtree(repo / "objects"),
    "all objects empty": lambda repo: [rewrite(file, b"") for file in loose(repo)],
    "objects in each other's place": swap_two_objects,
    "truncated packs": lambda repo: (truncate_packs(repo), [file.unlink() for file in loose(repo)]),
    "an empty index": lambda repo: [rewrite(file, b"") for file in repo.glob("objects/pack/*.idx")],
    "an object that is a dangling link": lambda repo: (main_commit(repo).unlink(), main_commit(repo).symlink_to("/nowhere")),
}  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A Hub's root that nobody serves, with the repos ada/good and ada/bad (which has packs and loose objects)."""
    world = World(tmp_path)
    world.model("good", "---\ntags: [fine]\n---\n# Good")
    repo = world.repo("model", "ada/bad", {f"{i}.txt": str(i) for i in range(40)})
    put(repo, {"README.md": "---\ntags: [bad]\n---\n# Bad", "config.json": "{}"})
    world.store.open("model", "ada/bad").objects.close()
    return tmp_path


@pytest.mark.parametrize("name", [*UNREADABLE, *BROKEN])
def test_one_damaged_repo(root: Path, name: str, capsys: pytest.CaptureFixture) -> None:
    bad = root / "hub/repos/models/ada/bad.git"
    (UNREADABLE | BROKEN)[name](bad)
    world = World(root)
    ada, anonymous = world.browser(), world.browser()
    ada.headers.update(ADA)
    for visitor in (ada, anonymous):
        for address in LISTS:
            assert visitor.get(address).status_code == 200, (address, visitor.get(address).text)
    listed = {one["id"]: one.get("damaged") for one in ada.get("/api/models").json()}
    assert listed["ada/good"] is None and listed["ada/bad"]
    assert "damaged" in text_of(ada.get("/").text)
    seen = {one["id"] for one in anonymous.get("/api/models").json()}
    assert seen == ({"ada/good"} if name in UNREADABLE else {"ada/good", "ada/bad"})
    own = (
        "/api/models/ada/bad",
        "/ada/bad",
        "/api/models/ada/bad/tree/main",
        "/ada/bad/resolve/main/1.txt",
        "/ada/bad/tree/main",
    )
    answers = [ada.get(address) for address in own]
    if name != "objects in each other's place":
        assert [answer.status_code for answer in answers[:4]] == [409] * 4
        assert answers[0].headers["X-Error-Code"] == "DamagedRepo"
        assert "is damaged: " in answers[0].json()["error"] and str(root) not in answers[0].text
    assert all(answer.status_code < 500 for answer in answers)
    clone = ada.get("/ada/bad.git/info/refs?service=git-upload-pack")
    assert clone.status_code < 500, clone.text

    assert check(root / "hub") == 1
    said = capsys.readouterr().out.splitlines()
    assert (
        said[0].startswith("damaged: model ada/bad: ")
        and said[1] == "1 repos are sound, 1 damaged, and 0 other records"
    )
    assert check(root / "hub", move_damaged=True) == 1
    assert os.path.lexists(root / "hub/set-aside/repos/models/ada/bad.git")
    assert not os.path.lexists(bad)
    assert check(root / "hub") == 0
    assert World(root).browser().post("/api/repos/create", json={"name": "bad"}, headers=ADA).status_code == 200


def test_a_damaged_private_repo_stays_hidden(root: Path) -> None:
    bad = root / "hub/repos/models/ada/bad.git"
    change_settings(private=True)(bad)
    rewrite(bad / "refs/heads/main", b"")
    world = World(root)
    for headers in ({}, EVE):
        assert "ada/bad" not in world.browser().get("/api/models", headers=headers).text
        assert "ada/bad" not in world.browser().get("/", headers=headers).text
        assert "amaged" not in world.browser().get("/api/models/ada/bad", headers=headers).text


def test_a_file_that_cannot_be_read_damages_its_own_address_only(root: Path) -> None:
    store = World(root).store
    repo = store.open("model", "ada/bad")
    oid = repo.file(repo.head(), "config.json").oid
    rewrite(repo.folder / "objects" / oid[:2] / oid[2:], b"")
    world = World(root)
    assert world.anonymous.get("/ada/bad/resolve/main/config.json").status_code == 409
    assert world.anonymous.get("/ada/bad/resolve/main/1.txt").text == "1"
    assert world.anonymous.get("/api/models/ada/bad/tree/main").status_code == 409  # it tells sizes


@pytest.mark.parametrize("damage", [
    "refs/heads/dev", "refs/tags/v1", "discussions/1.json"
])  # fmt: skip
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
    assert sorted(one["id"].lower() for one in world.anonymous.get("/api/models").json()) == ["ada/bad", "ada/good"]
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


def test_redirects_that_run_in_a_circle(root: Path) -> None:
    circle = {"model/ada/one": "ada/two", "model/ada/two": "ada/one"}
    (root / "hub/moved.json").write_text(json.dumps(circle))
    assert World(root).anonymous.get("/api/models/ada/one", headers=ADA).status_code == 404


def test_a_namespace_that_cannot_be_read(root: Path, capsys: pytest.CaptureFixture) -> None:
    (root / "hub/repos/models/eve").symlink_to(root / "hub/repos/models/eve")
    (root / "hub/repos/models/.DS_Store").write_text("")
    assert World(root).anonymous.get("/api/models").status_code == 200
    assert check(root / "hub") == 1
    assert "damaged: model eve/*: the folder cannot be read" in capsys.readouterr().out
    check(root / "hub", move_damaged=True)
    assert check(root / "hub") == 0


def test_nothing_is_damaged_while_others_write(root: Path) -> None:
    store, stop, odd = World(root).store, threading.Event(), []

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
        odd = [check(root / "hub") for _ in range(5)]
    finally:
        stop.set()
        writer.join()
    assert odd == [0] * 5


def test_a_damaged_repo_exists_for_clients_that_would_make_it(root: Path) -> None:
    answer = World(root).browser().post("/api/repos/create", json={"name": "good"}, headers=ADA)
    assert (answer.status_code, answer.json()["url"]) == (409, "http://127.0.0.1:8080/ada/good")
    rewrite(root / "hub/repos/models/ada/bad.git/hub.json", b"")
    answer = World(root).browser().post("/api/repos/create", json={"name": "bad"}, headers=ADA)
    assert (answer.status_code, answer.json()["url"]) == (409, "http://127.0.0.1:8080/ada/bad")
    assert "is damaged" in answer.json()["error"]


def test_what_check_refuses(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a Hub's folder"):
        check(tmp_path / "elsewhere")
    with locked(root / "hub"):
        assert check(root / "hub") == 0
        with pytest.raises(UsageError, match="is served"):
            check(root / "hub", move_damaged=True)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"0" * 40, b"ref: HEAD\n"])
def test_a_head_that_only_git_reads(root: Path, content: bytes, capsys: pytest.CaptureFixture) -> None:
    """Every page is there, and nobody can clone."""
    rewrite(root / "hub/repos/models/ada/bad.git/HEAD", content)
    assert check(root / "hub") == 1
    assert "damaged: model ada/bad: its HEAD names no branch" in capsys.readouterr().out


def test_a_file_where_the_folder_of_all_datasets_would_be(root: Path, capsys: pytest.CaptureFixture) -> None:
    (root / "hub/repos/datasets").write_text("left behind")
    assert check(root / "hub") == 1
    assert "damaged: repos/datasets: it is no folder, so that no dataset can be made" in capsys.readouterr().out
