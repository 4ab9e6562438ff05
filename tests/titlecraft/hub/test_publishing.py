"""Publishing is one commit on top of the known head, verified by a download byte for byte."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_hub.server import RunningHub, start, stop
from tests.warm import PYTHON

SCRIPT = """
import sys
from pathlib import Path
from titlecraft.errors import UserError
from titlecraft.hub.pins import address, pin, published_pin, read_file, require_write
from titlecraft.hub.publishing import publish
folder = Path(sys.argv[1])
def put(**files):
    for old in folder.rglob("*"):
        old.is_file() and old.unlink()
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
def send(check=lambda path: None, replaces=("data/*",)):
    return publish("titlecraft/box", "dataset", published_pin("titlecraft/box", "dataset"), folder, "Send", private=True, replaces=replaces, check=check)
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    root = tmp_path_factory.mktemp("publishing")
    yield start(root / "hub")
    stop(root / "hub")


def run(hub: RunningHub, folder: Path, code: str) -> str:
    import os

    folder.mkdir(exist_ok=True)
    environment = os.environ | hub.environment(folder.parent / "hf_home")
    process = subprocess.run(
        [PYTHON, "-c", SCRIPT + code, str(folder)], env=environment, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


def test_stale_files_are_deleted_and_a_repeat_makes_no_commit(hub: RunningHub, tmp_path: Path) -> None:
    output = run(
        hub,
        tmp_path / "box",
        """
from huggingface_hub import HfApi
put(data__a="1", data__b="2", note="n")
first = send()
put(data__a="1", card="c")
second = send()
assert send() == second != first
print(sorted(set(HfApi().list_repo_files("titlecraft/box", repo_type="dataset")) - {".gitattributes", "SHA256SUMS"}))
print(read_file(first, "data/b"), read_file(second, "data/b"))
assert pin(f"titlecraft/box@{first.revision}", "dataset") == first
assert address(second, "card").endswith(f"/datasets/titlecraft/box/resolve/{second.revision}/card")
""",
    )
    assert output.splitlines() == ["['card', 'data/a', 'note']", "b'2' None"]


def test_added_files_stay_and_a_renamed_repo_is_followed(hub: RunningHub, tmp_path: Path) -> None:
    output = run(
        hub,
        tmp_path / "person",
        """
from huggingface_hub import CommitOperationAdd as Add, HfApi
from titlecraft.hub.pins import current_name
from titlecraft.hub.publishing import REPLACED_BY_TRAINING
REPO, api = "titlecraft/person", HfApi()
def send():
    return publish(REPO, "model", published_pin(REPO, "model"), folder, "Send", private=True, replaces=REPLACED_BY_TRAINING, check=lambda path: None)
put(**{"assets__loss.png": "1", "adapter_model.safetensors": "2", "evaluation__x__report.json": "3"})
send()
mine = ["assets/photo.png", "evaluation/notes.md", "evaluation/x/mine.txt", "adapter_notes.txt", "data/rows.csv"]
api.create_commit(REPO, [Add(name, b"mine") for name in mine], commit_message="By hand")
put(**{"adapter_config.json": "4"})
print(sorted(set(api.list_repo_files(REPO)) - {".gitattributes", "SHA256SUMS"} - set(mine)), send().repo)
print(sorted(set(api.list_repo_files(REPO)) - {".gitattributes", "SHA256SUMS"}) == sorted(["adapter_config.json", *mine]))
api.move_repo(REPO, "titlecraft/elsewhere")
print(published_pin(REPO, "model").repo, pin(f"{REPO}@main", "model").repo, current_name("titlecraft/nothing", "model"))
print(current_name(REPO, "model"))
put(**{"adapter_config.json": "5"})
print(send().repo, sorted(one.id for one in api.list_models(author="titlecraft") if one.id.endswith(("person", "elsewhere"))))
""",
    )
    assert output.splitlines() == [
        "['adapter_model.safetensors', 'assets/loss.png', 'evaluation/x/report.json'] titlecraft/person",
        "True",
        "titlecraft/elsewhere titlecraft/elsewhere titlecraft/nothing",
        "model titlecraft/person is called titlecraft/elsewhere now: publishing there",
        "titlecraft/elsewhere",
        "titlecraft/elsewhere ['titlecraft/elsewhere']",
    ]


def test_sha256sums_lists_published_files_only(hub: RunningHub, tmp_path: Path) -> None:
    output = run(
        hub,
        tmp_path / "sums",
        """
import hashlib
from huggingface_hub import CommitOperationAdd as Add, CommitOperationDelete as Delete, HfApi
REPO = "titlecraft/sums"
def send():
    return publish(REPO, "model", published_pin(REPO, "model"), folder, "Send", private=True, replaces=("data/*",), check=lambda path: None)
def by_hand(*operations):
    HfApi().create_commit(REPO, operations, commit_message="By hand")
def show(state):
    for line in (read_file(state, "SHA256SUMS") or b"").decode().splitlines():
        print(line[:4], line[64:])
put(**{"data__a": "1", "weights.safetensors": "w", "README.md": "card", "note": "n"})
show(send())
by_hand(Add("hand.txt", b"by hand"), Add("note", b"another note"))
put(data__b="2")
show(send())
by_hand(Delete("SHA256SUMS"))
put(data__b="2")
show(send())
assert send() == send()
(folder / "SHA256SUMS").write_text("left over")
assert read_file(send(), "SHA256SUMS") == read_file(published_pin(REPO, "model"), "SHA256SUMS")
show(published_pin(REPO, "model"))
""",
    )
    first = ["6b86   data/a", "1b16   note", "50e7   weights.safetensors"]
    second = ["d473   data/b", "1b16   note", "50e7   weights.safetensors"]
    third = ["d473   data/b", "c961   hand.txt", "ec6d   note", "50e7   weights.safetensors"]
    assert output.splitlines() == [*first, *second, *third, *third]


def test_a_download_that_differs_or_does_not_load_is_an_error(hub: RunningHub, tmp_path: Path) -> None:
    output = run(
        hub,
        tmp_path / "box",
        """
import titlecraft.hub.publishing as publishing
put(card="x")
try:
    send(check=lambda path: 1 / 0)
except UserError as error:
    print(error)
real = publishing.file_sha256
publishing.file_sha256 = lambda path: real(path) + ("" if folder in path.parents else "!")
try:
    send()
except UserError as error:
    print(error)
""",
    )
    lines = output.splitlines()
    assert "was published, but what came back does not load: division by zero" in lines[0]
    assert "card came back with other bytes than were sent; do not use this revision" in lines[1]


def test_malformed_references_are_refused(hub: RunningHub, tmp_path: Path) -> None:
    output = run(
        hub,
        tmp_path / "box",
        """
for reference in ("box", "a/b/c", "titlecraft/box@", "titlecraft/nothing", "titlecraft/box@nowhere"):
    try:
        pin(reference, "dataset")
    except UserError as error:
        print(error)
assert published_pin("titlecraft/nothing", "model") is None
""",
    )
    lines = output.splitlines()
    assert len(lines) == 5
    assert all("expected NAMESPACE/NAME or NAMESPACE/NAME@REVISION" in line for line in lines[:3])
    assert "no dataset titlecraft/nothing that this token may see" in lines[3]
    assert "dataset titlecraft/box has no such revision" in lines[4]


def test_the_licence_is_that_of_the_base_card(hub: RunningHub, tmp_path: Path) -> None:
    output = run(
        hub,
        tmp_path / "box",
        """
from huggingface_hub import HfApi
from titlecraft.hub.licence import copy_legal_files, licence_of, require_name
def base(name, card, **files):
    put(**({"README.md": card} if card is not None else {}), **files, weights="w")
    return publish(f"titlecraft/{name}", "model", None, folder, "Send", private=True, replaces=(), check=lambda path: None)
llama = base("llama", "---\\nlicense: llama3\\n---\\n", LICENSE="the licence", **{"USE_POLICY.md": "be good"})
found = licence_of(llama)
print(found.id, found.link)
for name in ("titlecraft/titles", "titlecraft/Llama-3-titles"):
    try:
        require_name(name, found, llama)
        print("fine:", name)
    except UserError as error:
        print(error)
put(adapter="a")
copy_legal_files(llama, found, folder)
print(sorted(file.name for file in folder.iterdir()), "Meta Llama 3 is licensed" in (folder / "NOTICE").read_text())
for card in ("---\\nlicense: apache-2.0\\n---\\n", "no front matter", None):
    print(licence_of(base(f"b{abs(hash(card))}", card)).id)
""",
    )
    lines = output.splitlines()
    assert lines[0] == "llama3 https://www.llama.com/llama3/license/"
    assert (
        "begins with 'Llama-3': for example titlecraft/Llama-3-titles" in lines[1]
        and lines[2] == "fine: titlecraft/Llama-3-titles"
    )
    assert lines[3] == "['LICENSE', 'NOTICE', 'USE_POLICY.md', 'adapter'] True"
    assert lines[4:] == ["apache-2.0", "other", "other"]
