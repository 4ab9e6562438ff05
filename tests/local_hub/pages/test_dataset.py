"""The page of a dataset shows the first rows of each split for all file formats."""

import json

import pytest

from local_hub.pages.dataset.splits import configs_of
from local_hub.repos.entry import Entry
from tests.local_hub.pages.pages_world import Elements, World, parquet, put, text_of


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("world"))


def test_first_rows_of_the_splits_that_the_card_names(world):
    card = """---
configs:
- config_name: default
  data_files:
  - {split: train, path: data/train-*.parquet}
  - {split: test, path: data/test-*.parquet}
- config_name: raw
  data_files: raw.jsonl
---
# Titles
"""
    rows = {"title": [f"title {i}" for i in range(30)], "pages": list(range(30))}
    empty = {"title": [], "pages": []}
    world.repo(
        "dataset",
        "ada/titles",
        {
            "README.md": card,
            "data/train-00000-of-00002.parquet": parquet(rows),
            "data/train-00001-of-00002.parquet": parquet(rows),
            "data/test-00000-of-00001.parquet": parquet(empty),
            "raw.jsonl": '{"a": 1}\n{"a": 2}\n',
        },
    )
    page = world.get("/datasets/ada/titles")
    text = text_of(page)
    assert "First rows first 20 of 60 rows" in text
    assert "train 60 test 0" in text
    assert "title string pages int64" in text
    assert "title 0" in text and "title 19" in text and "title 20" not in text
    assert 'load_dataset("ada/titles")' in text

    text = text_of(world.get("/datasets/ada/titles?split=test"))
    assert "2 columns, no rows" in text and "title null pages null No rows." in text

    text = text_of(world.get("/datasets/ada/titles?config=raw"))
    assert "First rows all 2 rows" in text and "a int64 1 2" in text


def test_a_long_cell_is_clamped_and_can_be_read_in_full(world):
    text = "word " * 300 + "THE END"
    world.repo("dataset", "ada/long", {"train.parquet": parquet({"text": [text, "", None]})})
    page = world.get("/datasets/ada/long")
    assert f"<div>{text}</div></details>" in page
    assert "<summary>word" in page
    assert '<span class="null">empty</span>' in page and '<span class="null">null</span>' in page


def test_cells_and_columns_are_only_text(world):
    evil = "<script>alert(1)</script>"
    world.repo("dataset", "ada/evil", {"train.parquet": parquet({evil: [evil, evil * 20]})})
    page = world.get("/datasets/ada/evil")
    assert len(Elements(page).named("script")) == 1  # the page's own
    assert "&lt;script&gt;alert(1)" in page


def test_nested_values_are_shown_as_json(world):
    world.repo("dataset", "ada/nested", {"train.parquet": parquet({"x": [{"a": [1, 2], "b": b"\x00\x01"}]})})
    assert '{"a": [1, 2], "b": "2 bytes"}' in text_of(world.get("/datasets/ada/nested"))


FILES = {
    "train.csv": ('title,pages\n"a, b",3\nc,4\n', "title string pages int64 a, b 3 c 4"),
    "train.tsv": ("x\ty\n1.5\tz\n", "x double y string 1.5 z"),
    "train.jsonl": ('{"a": 1}\n{"a": null, "b": [1]}\n', "a int64 b list 1 null null [1]"),
    "train.json": ('[{"a": true}]', "a bool True"),
    "data.ndjson": ('{"a": "no newline at the end"}', "a string no newline at the end"),
}


@pytest.mark.parametrize("name", FILES)
def test_first_rows_of_other_formats(world, name):
    content, shown = FILES[name]
    repo = world.repo("dataset", f"ada/format-{name.replace('.', '-')}", {name: content})
    assert shown in text_of(world.get(repo.url_path))


BROKEN = {
    "train.parquet": b"PAR1 this is no parquet PAR1",
    "train.jsonl": b"{not json\n",
    "train.json": b"[1, 2]",
    "test.jsonl": b"[1]\n",
    "train.csv": b"",
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_that_cannot_be_read_does_not_break_the_page(world, name):
    card = "# The card is there"
    repo = world.repo("dataset", f"ada/broken-{name.replace('.', '-')}", {name: BROKEN[name], "README.md": card})
    page = world.get(repo.url_path)
    assert "The card is there</h1>" in page
    assert name == "train.csv" or "cannot be read as a table" in page


def test_an_lfs_object_that_was_deleted_does_not_break_the_page(world):
    repo = world.repo("dataset", "ada/lost", {"train.parquet": parquet({"a": [1]}), "README.md": "# Card"})
    repo.lfs.delete(repo.file(repo.head(), "train.parquet").lfs.sha256)
    assert "was deleted" in world.get("/datasets/ada/lost")


def test_rows_at_a_tag(world):
    repo = world.repo("dataset", "ada/versions", {"train.jsonl": '{"a": "old"}\n'})
    repo.refs.set("refs/tags/v1", repo.head())
    put(repo, {"train.jsonl": '{"a": "new"}\n'})
    assert "a string new" in text_of(world.get("/datasets/ada/versions"))
    assert "a string old" in text_of(world.get("/datasets/ada/versions?revision=v1"))


def splits(card: dict, *paths: str) -> dict[str, dict[str, list[str]]]:
    configs = configs_of(card, [Entry(path, "0" * 40, False) for path in paths])
    return {
        config.name: {name: [file.path for file in files] for name, files in config.splits.items()}
        for config in configs
    }


def test_splits_by_the_names_of_files():
    assert splits({}, "data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet", "README.md") == {
        "default": {"train": ["data/train-00000-of-00001.parquet"], "test": ["data/test-00000-of-00001.parquet"]}
    }
    assert splits({}, "dev.csv", "my_train_file.csv") == {
        "default": {"train": ["my_train_file.csv"], "validation": ["dev.csv"]}
    }
    assert splits({}, "books.jsonl", "dataset_record.json", "quarantine/x.jsonl") == {
        "default": {"train": ["books.jsonl"]}
    }
    assert splits({}, "README.md", "a.bin") == {}


def test_splits_by_the_patterns_of_a_card():
    card = {
        "configs": [
            {"config_name": "b", "data_files": [{"split": "x", "path": ["b/**/*.csv", "b/one.csv"]}]},
            {"config_name": "a", "data_dir": "a", "default": True},
            {"config_name": "missing", "data_files": "nothing/*.csv"},
        ]
    }
    paths = ("a/train.csv", "a/test.csv", "b/one.csv", "b/c/two.csv")
    assert splits(card, *paths) == {
        "a": {"train": ["a/train.csv"], "test": ["a/test.csv"]},
        "b": {"x": ["b/one.csv", "b/c/two.csv"]},
    }


def test_patterns_of_a_card_cannot_take_for_ever():
    card = {"configs": [{"data_files": "**/" * 200 + "*a" * 50 + "x"}]}
    assert splits(card, "a/" * 200 + "a" * 200) == {}
    card = {"configs": [{"data_files": [{"split": "train", "path": "**/*-[01].csv"}]}]}
    assert splits(card, "x-0.csv", "a/b/x-1.csv", "x-2.csv") == {"default": {"train": ["x-0.csv", "a/b/x-1.csv"]}}


def test_half_a_surrogate_pair_does_not_break_the_page(world):
    world.repo("dataset", "ada/half", {"train.jsonl": '{"a": "\\ud800 half"}\n'})
    assert "\ufffd half" in text_of(world.get("/datasets/ada/half"))


def test_a_file_of_rows_has_a_page_with_a_table(world):
    rows = "".join(json.dumps({"step": i, "loss": 1 / (i + 1)}) + "\n" for i in range(50))
    world.repo("model", "ada/log", {"log.jsonl": rows, "p.parquet": parquet({"a": [1, 2]})})
    assert "first 20 of 50 rows" in world.get("/ada/log/blob/main/log.jsonl")
    assert "50 lines" in text_of(world.get("/ada/log/blob/main/log.jsonl?plain=1"))
    assert "a int64 1 2" in text_of(world.get("/ada/log/blob/main/p.parquet"))
