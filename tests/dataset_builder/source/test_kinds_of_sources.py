"""Folders, globs, zip archives and standard input as sources, and datasets of the embedded Hub at their commits."""

import gzip
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from dataset_builder.source.files.addresses import short_names, shown
from dataset_builder.source.files.hub_datasets import pinned_sources
from dataset_builder.source.files.standard_input import kept_standard_input
from dataset_builder.source.find_files import find_files
from local_hub.server import RunningHub, start, stop
from tests.dataset_builder.build_offline import build_offline
from tests.dataset_builder.source.test_every_format import FORMATS, LINES, SETTINGS, published
from tests.warm import PYTHON
from titlecraft.errors import UserError

HALVES = LINES[: LINES.index("\n", 4000) + 1], LINES[LINES.index("\n", 4000) + 1 :]


@pytest.fixture
def of_one_file(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "rows.jsonl").write_text(LINES)
    build_offline(tmp_path / "rows.jsonl", tmp_path / "one", SETTINGS)
    return published(tmp_path / "one")


def zipped(path: Path, members: dict[str, str | bytes]) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_a_folder_a_glob_and_an_archive_give_the_same_rows(
    tmp_path: Path, of_one_file: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "shop" / "2024"
    folder.mkdir(parents=True)
    (folder / "a.jsonl.gz").write_bytes(gzip.compress(HALVES[0].encode()))
    (folder / "b.jsonl").write_text(HALVES[1])
    (folder / "photo.png").write_bytes(b"\x89PNG")
    (folder / "state.json").write_text("{}")
    (tmp_path / "shop" / ".hidden").mkdir()
    (tmp_path / "shop" / ".hidden" / "c.jsonl").write_text(LINES)
    archive = zipped(
        tmp_path / "zips" / "shop.zip",
        {"2024/a.jsonl": HALVES[0], "2024/b.jsonl": HALVES[1], "__MACOSX/a.jsonl": "x", "readme.md": "x"},
    )
    for number, source in enumerate(
        [
            str(tmp_path / "shop"),
            str(folder / "*.jsonl*"),
            str(archive),
            str(tmp_path / "zips"),
            str(tmp_path / "zips" / "*.zip"),
        ]
    ):
        record = build_offline([source], tmp_path / f"work{number}", SETTINGS)
        assert (record.source.lines, record.published, len(record.source.files)) == (60, 60, 2)
        assert published(tmp_path / f"work{number}") == of_one_file
    assert [file.name for file in record.source.files] == ["shop.zip/2024/a.jsonl", "shop.zip/2024/b.jsonl"]
    notes = capsys.readouterr().err
    assert "3 other files are not read (.hidden/c.jsonl, 2024/photo.png, 2024/state.json)" in notes
    assert "2 other files are not read (__MACOSX/a.jsonl, readme.md)" in notes


@pytest.mark.parametrize("name", ["shop.csv", "rows.parquet", "pretty.json", "rows.jsonl.xz"])
def test_an_archive_of_one_file_of_any_format(name: str, tmp_path: Path, of_one_file: dict[str, str]) -> None:
    archive = zipped(tmp_path / "archive", {f"in/{name}": FORMATS[name]()})
    build_offline([f"{archive}/in/{name}"], tmp_path / "member", SETTINGS)
    build_offline(archive, tmp_path / "work", SETTINGS)
    assert published(tmp_path / "work") == published(tmp_path / "member") == of_one_file
    with pytest.raises(UserError, match=f"no file 'in/none' in it; there are in/{name}"):
        find_files([f"{archive}/in/none"])


def test_a_place_without_a_catalogue_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"x")
    archive = zipped(tmp_path / "a.zip", {"a.png": "x", "b.png": "x"})
    for place in (tmp_path / "empty", tmp_path / "pictures", archive):
        with pytest.raises(UserError, match=f"{place}: no file there has the name of a catalogue"):
            find_files([str(place)])
    with pytest.raises(UserError, match="no such file"):
        find_files([str(tmp_path / "none" / "rows.jsonl")])


def test_files_are_ordered_by_their_paths_and_members_by_archive(tmp_path: Path) -> None:
    zipped(tmp_path / "b.zip", {"2.csv": "x", "1.csv": "x"})
    zipped(tmp_path / "a.zip", {"3.csv": "x", "4.csv": "x"})
    (tmp_path / "c.csv").write_text("x")
    addresses = [file.address for file in find_files([str(tmp_path / name) for name in ("c.csv", "b.zip", "a.zip")])]
    assert short_names(addresses) == ["a.zip/3.csv", "a.zip/4.csv", "b.zip/1.csv", "b.zip/2.csv", "c.csv"]


def test_a_remote_folder_and_archive_give_their_files(tmp_path: Path, of_one_file: dict[str, str]) -> None:
    system = fsspec.filesystem("memory")
    system.pipe("/places/rows/a.jsonl", HALVES[0].encode())
    system.pipe("/places/rows/b.jsonl.gz", gzip.compress(HALVES[1].encode()))
    system.pipe("/places/rows/photo.png", b"x")
    system.pipe("/places/rows.zip", zipped(tmp_path / "z" / "rows.zip", {"a.csv": FORMATS["shop.csv"]()}).read_bytes())
    for number, source in enumerate(
        ["memory://places/rows", "memory://places/rows.zip", "zip://a.csv::memory://places/rows.zip"]
    ):
        record = build_offline([source], tmp_path / f"work{number}", SETTINGS)
        assert published(tmp_path / f"work{number}") == of_one_file
        assert [file.name for file in record.source.files] == (
            ["rows.zip/a.csv"] if number else ["a.jsonl", "b.jsonl.gz"]
        )


def test_names_of_members_hide_the_secrets_of_their_archive() -> None:
    address = "zip://in/a.csv::https://user:secret@host/shop.zip?sig=secret"
    assert short_names([address]) == ["shop.zip/in/a.csv"] and "secret" not in shown(address)


def test_standard_input_is_a_source(
    tmp_path: Path, of_one_file: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pretty.json", "rows.jsonl.zst", "shop.csv", "rows.parquet"):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(FORMATS[name]())))
        with kept_standard_input(["-"]) as sources:
            record = build_offline(sources, tmp_path / name, SETTINGS)
        assert record.source.files[0].name == "stdin" and not Path(sources[0]).exists()
        assert published(tmp_path / name) == of_one_file
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(UserError, match="-: nothing is piped in"), kept_standard_input(["a", "-"]):
        pass


def test_config_and_split_need_a_dataset_of_the_hub() -> None:
    assert pinned_sources(["a.csv", "s3://bucket/b"], None, None) == ["a.csv", "s3://bucket/b"]
    with pytest.raises(UserError, match="--config and --split choose from a dataset of the Hub"):
        pinned_sources(["a.csv"], None, "train")


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    root = tmp_path_factory.mktemp("places")
    yield start(root / "hub")
    stop(root / "hub")


SCRIPT = """
import contextlib, io, json, sys
from pathlib import Path
from huggingface_hub import CommitOperationAdd as Add, HfApi, hf_hub_download
from titlecraft.command_line.main import main
api, folder = HfApi(), Path(sys.argv[1])
card = '''---
configs:
- config_name: default
  data_files:
  - {split: train, path: a.csv}
  - {split: more, path: more/*.csv}
- config_name: other
  data_files: c.parquet
---
'''
api.create_repo("titlecraft/shop", repo_type="dataset")
files = {"README.md": card.encode()} | {name: (folder / name).read_bytes() for name in ("a.csv", "more/b.csv", "c.parquet")}
first = api.create_commit("titlecraft/shop", [Add(name, data) for name, data in files.items()], commit_message="Shop", repo_type="dataset").oid
api.create_commit("titlecraft/shop", [Add("a.csv", b"uid,title,content\\n")], commit_message="Empty it", repo_type="dataset")
def build(repo, *arguments):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main(["build", *arguments, "--repo", repo, "--data.test_share=0.2", "--data.validation_share=0.1", "--data.near_duplicates=false"])
    if status:
        return err.getvalue().strip().replace(first, "COMMIT").replace(first[:12], "COMMIT")
    record = json.loads(Path(hf_hub_download(repo, "dataset_record.json", repo_type="dataset")).read_bytes())
    names = [file["name"].replace(first, "COMMIT") for file in record["source"]["files"]]
    shards = {file["path"]: file["sha256"] for split in record["splits"].values() for file in split["files"]}
    return names, record["published"], sorted(shards.values())
def read_card():
    names = [one.id for one in api.list_datasets(author="titlecraft")]
    return Path(hf_hub_download("titlecraft/one", "README.md", repo_type="dataset")).read_text() if "titlecraft/one" in names else ""
answers = [
    build("titlecraft/one", f"datasets/titlecraft/shop@{first}", "--license", "cc0-1.0", "--language=en,pt", "--pretty-name=Kettles"),
    build("titlecraft/two", f"hf://datasets/titlecraft/shop@{first}", "--config", "other"),
    build("titlecraft/three", f"hf://datasets/titlecraft/shop@{first}/more/*.csv"),
    build("titlecraft/three", "datasets/titlecraft/shop", "--split", "more"),
    build("titlecraft/four", f"datasets/titlecraft/shop@{first}", "--split", "none"),
    build("titlecraft/four", f"datasets/titlecraft/shop@{first}", "--config", "none"),
    build("titlecraft/four", "datasets/titlecraft/nothing"),
    read_card().replace(first, "COMMIT"),
]
# a rebuild without the options keeps what the card says
build("titlecraft/one", f"datasets/titlecraft/shop@{first}", "--data.seed=8")
answers.append(read_card())
# further columns, their places in the prompt and raw lines are verified
(folder / "kept.jsonl").write_text("".join(json.dumps({"uid": n, "title": f"Lamp {n}", "content": f"Lamp {n} is lit for {n} hours.", "brand": f"B{n}"}) + "\\n" for n in range(60)) + "{cut\\n")
extra = ["--data.keep_columns=brand", "--prompt.question='{title}' by {brand}?", "--quarantine=raw"]
answers.append(build("titlecraft/kept", str(folder / "kept.jsonl"), *extra))
answers.append(Path(hf_hub_download("titlecraft/kept", "quarantine/lines.jsonl", repo_type="dataset")).read_text())
answers.append(Path(hf_hub_download("titlecraft/kept", "README.md", repo_type="dataset")).read_text())
for repo, source in (("kept", str(folder / "kept.jsonl")), ("two", f"datasets/titlecraft/shop@{first}/c.parquet")):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        status = [main(["verify", f"datasets/titlecraft/{repo}"]), main(["verify", f"datasets/titlecraft/{repo}", "--level", "data", "--source", source])]
    answers.append([status, out.getvalue()])
print(json.dumps(answers))
"""


def test_a_dataset_of_the_hub_is_pinned_and_recorded(
    hub: RunningHub, tmp_path: Path, of_one_file: dict[str, str]
) -> None:
    rows = [json.loads(line) for line in LINES.splitlines()]
    import pandas

    (tmp_path / "more").mkdir()
    pandas.DataFrame(rows[:30]).to_csv(tmp_path / "a.csv", index=False)
    pandas.DataFrame(rows[30:]).to_csv(tmp_path / "more" / "b.csv", index=False)
    pandas.DataFrame(rows).to_parquet(tmp_path / "c.parquet")
    done = subprocess.run(
        [PYTHON, "-c", SCRIPT, str(tmp_path)],
        env=os.environ | hub.environment(tmp_path / "hf"), capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    one, two, three, moved, no_split, no_config, nothing, card, later, kept, lines, kept_card, *verified = json.loads(
        done.stdout.splitlines()[-1]
    )
    source = "datasets/titlecraft/shop@COMMIT"
    everything = sorted(of_one_file.values())
    assert one == [[f"{source}/a.csv", f"{source}/more/b.csv"], 60, everything]
    assert two == [[f"{source}/c.parquet"], 60, everything]
    assert three[:2] == [[f"{source}/more/b.csv"], 30] and moved[1:] == three[1:]
    assert "has no split 'none': expected --split train or more" in no_split
    assert "BuilderConfig 'none' not found" in no_config and "choose one with --config" in no_config
    assert "titlecraft/nothing" in nothing and "\n" not in nothing
    assert f"titlecraft build {source}/a.csv {source}/more/b.csv" in card
    assert (
        "The source is [titlecraft/shop](/datasets/titlecraft/shop/tree/COMMIT) at commit `COMMIT`, whose own card"
        in card
    )
    assert "source_datasets:\n- titlecraft/shop\n" in card
    for text in (card, later):
        assert "license: cc0-1.0" in text and "pretty_name: Kettles" in text and "- en\n- pt\n" in text
    assert kept[1] == 60 and json.loads(lines)["raw"] == "{cut" and "`raw` is the whole line" in kept_card
    assert "- `brand`: the source's column" in kept_card and "brand: B" in kept_card
    for status, text in verified:
        assert status == [0, 0], text
