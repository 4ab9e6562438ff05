"""The target repo: people's files stay, renames are followed, no data of this machine is published, and it loads."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_hub.server import RunningHub, start, stop
from tests.warm import PYTHON

SCRIPT = """
import contextlib, io, json, sys
from pathlib import Path
from huggingface_hub import CommitOperationAdd as Add, HfApi, hf_hub_download
from titlecraft.command_line.main import main
api, folder = HfApi(), Path(sys.argv[1])
def build(source, repo, *more):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["build", str(source), "--repo", repo, *more])
    return status, out.getvalue(), err.getvalue()
def rows(name, count, **others):
    path = folder / name
    texts = [{"uid": n, "title": f"Kettle {n}", "content": f"Kettle {n} boils {n} cups of water.", "cost": "7.77", **others} for n in range(count)]
    path.write_text("".join(json.dumps(one) + "\\n" for one in texts) + "{cut 8.88\\n[9.99]\\n" + json.dumps(texts[0] | {"title": 5}) + "\\n")
    return path
def files(repo):
    return sorted(set(api.list_repo_files(repo, repo_type="dataset")))
def read(repo, path):
    return Path(hf_hub_download(repo, path, repo_type="dataset")).read_bytes()
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    root = tmp_path_factory.mktemp("target")
    yield start(root / "hub")
    stop(root / "hub")


def run(hub: RunningHub, folder: Path, code: str) -> list[str]:
    folder.mkdir()
    process = subprocess.run(
        [PYTHON, "-c", SCRIPT + code, str(folder)],
        env=os.environ | hub.environment(folder.parent / "hf"),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()


def test_files_of_people_in_the_target_repo_stay(hub: RunningHub, tmp_path: Path) -> None:
    message = run(
        hub,
        tmp_path / "secretfolder",
        """
status, out, err = build(rows("rows.jsonl", 60), "titlecraft/target", "--data.test_share=0.2", "--data.validation_share=0.2", "--data.rows_per_shard=9")
assert status == 0, err
print(out.splitlines()[:4])
first = files("titlecraft/target")
mine = ["data/notes.txt", "data/test-00000-of-00001.csv", "data/train-mine.parquet", "assets/photo.png", "quarantine/mine.jsonl", "extra.md"]
api.create_commit("titlecraft/target", [Add(name, b"a person's") for name in mine], commit_message="By hand", repo_type="dataset")
texts = [read("titlecraft/target", name) for name in first if name.endswith((".md", ".json", ".jsonl", "SUMS"))]
texts += [commit.title.encode() for commit in api.list_repo_commits("titlecraft/target", repo_type="dataset")]
secret = [b"7.77", b"8.88", b"9.99", b"secretfolder", str(Path.home()).encode() + b"/"]
print([word for word in secret if any(word in text for text in texts)])
print(json.loads(read("titlecraft/target", "quarantine/lines.jsonl").splitlines()[-1]))

# again, without held-out splits and with one shard; under the name that the repo had before
api.move_repo("titlecraft/target", "titlecraft/renamed", repo_type="dataset")
status, out, err = build(folder / "rows.jsonl", "titlecraft/target", "--data.test_share=0", "--data.validation_share=0")
assert status == 0, err
print(out.splitlines()[0])
print(next(line for line in out.splitlines() if line.startswith("dataset titlecraft/renamed@")).split("@")[0], [one.id for one in api.list_datasets(author="titlecraft")])
print([name for name in files("titlecraft/renamed") if name.startswith(("data/", "quarantine/", "assets/"))])
print([name for name in mine if read("titlecraft/renamed", name) != b"a person's"])
from datasets import load_dataset
print({name: len(split) for name, split in load_dataset("titlecraft/renamed").items()})
again = build(folder / "rows.jsonl", "titlecraft/target", "--data.test_share=0", "--data.validation_share=0")
print(again[1].splitlines()[1])

# what does not load as the card says is an error
import msgspec
from dataset_builder.checks.loads import resolve, require_loads
from titlecraft.errors import UserError
from titlecraft.hub.pins import published_pin
from titlecraft.records import DATASET_RECORD, DatasetRecord
head = published_pin("titlecraft/target", "dataset")
record = msgspec.json.decode(read(head.repo, DATASET_RECORD), type=DatasetRecord)
require_loads(head, record)
print(resolve(head, str(folder / "cache")))
card = read(head.repo, "README.md").decode()
for broken in (card.replace("  - split: train", "  - split: test\\n    path: data/none-*.parquet\\n  - split: train"), card.replace("num_examples: 60", "num_examples: 61"),
               card.replace("  - name: output\\n    dtype: string", "  - name: output\\n    dtype: int32")):
    assert broken != card
    api.create_commit(head.repo, [Add("README.md", broken.encode())], commit_message="Break", repo_type="dataset")
    try:
        require_loads(published_pin(head.repo, "dataset"), record)
        print("loads")
    except UserError as error:
        print(str(error)[:90].replace(published_pin(head.repo, "dataset").revision[:12], "X"))
""",
    )
    assert message[0] == str(
        [
            "63 lines: 60 published, 0 dropped, 3 quarantined",
            "  quarantined: not an object 1 (1.6 %)",
            "  quarantined: not json 1 (1.6 %)",
            "  quarantined: title not text 1 (1.6 %)",
        ]
    )
    assert message[1] == "[]"
    assert message[2].startswith("{'line': 63, 'offset': ") and message[2].endswith(
        "'reason': 'title_not_text', 'columns': {'uid': 0, 'title': 5, 'content': 'Kettle 0 boils 0 cups of water.'}}"
    )
    assert message[3] == "dataset titlecraft/target is called titlecraft/renamed now: publishing there"
    assert message[4] == "dataset titlecraft/renamed ['titlecraft/renamed']"
    assert json.loads(message[5].replace("'", '"')) == [
        "assets/output_length.png",
        "assets/photo.png",
        "assets/splits.png",
        "data/notes.txt",
        "data/test-00000-of-00001.csv",
        "data/train-00000-of-00001.parquet",
        "data/train-mine.parquet",
        "quarantine/lines.jsonl",
        "quarantine/mine.jsonl",
    ]
    assert message[6:9] == [
        "[]",
        "{'train': 60}",
        "nothing to do: titlecraft/renamed was built from this very source, recipe and code",
    ]
    assert (
        message[9]
        == "{'train': (60, ['uid: string', 'title: string', 'instruction: string', 'input: string', 'output: string'])}"
    )
    assert all(
        line.startswith("titlecraft/renamed@X was published, but load_dataset('titlecraft/renamed') ")
        for line in message[10:]
    )
    assert len(message) == 13
