"""Ways to damage the repo ada/bad on disk."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.local_hub.pages.pages_world import OTHER_TOKEN, WRITE_TOKEN

ADA, EVE = {"Authorization": f"Bearer {WRITE_TOKEN}"}, {"Authorization": f"Bearer {OTHER_TOKEN}"}


LISTS = (
    "/",
    "/ada",
    "/api/models",
    "/api/models?full=1&cardData=1&config=1",
    "/api/models-tags-by-type",
    "/api/models?expand=safetensors&sort=likes",
    "/api/users/ada/overview",
    "/api/models/ada/good",
    "/ada/good",
)


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
    """Swap objects: each is valid by itself, and its content does not match its id."""
    files = loose(repo)
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, contents[1:] + contents[:1], strict=True):
        rewrite(file, content)


UNREADABLE = {  # the visibility is unknown, so only members of the namespace see them
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
    "an object that is a dangling link": lambda repo: (
        main_commit(repo).unlink(),
        main_commit(repo).symlink_to("/nowhere"),
    ),
}
