"""Files added to an adapter or a dataset: an attacker may list any file in SHA256SUMS, so names and records decide."""

from pathlib import Path

import pytest

from model_card.verification.level_card.files.adapter import verify_adapter
from model_card.verification.level_card.files.checksums import verify_files
from model_card.verification.repo_state import RepoState
from tests.model_card.literal_records import DATASET
from tests.model_card.verification.level_card.literal_repos import adapter, dataset, write_file, wrong
from titlecraft.records import file_sha256
from titlecraft.records.repo_files import CHECKSUMS


def about_names(state: RepoState) -> list[str]:
    return [line for line in wrong(verify_files(state)) if "as the" not in line]


def test_published_files_hold(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    state = adapter(tmp_path / "model")
    assert wrong(verify_files(state)) == [] and wrong(verify_adapter(state)) == []
    assert about_names(dataset(tmp_path / "data")) == []


@pytest.mark.parametrize(
    "path",
    [
        "adapter_model.bin",
        "pytorch_model.bin",
        "model.safetensors",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "weights/adapter_model.safetensors",
        "x.pt",
        "x.PTH",
        "x.ckpt",
        "x.pkl",
        "x.gguf",
        "modeling_llama.py",
        "sub/handler.py",
        "config.json",
        "generation_config.json",
        "adapter_config2.json",
        "adapter_config.json.bak",
        "better/adapter_config.json",
        "tokenizer.model.bak",
        "tokenizer_config.old.json",
        "chat_template2.jinja",
        "additional_chat_templates/x.jinja",
        ".eval_results/mmlu.yaml",
        "evaluation/x.png",
        "evaluation/0123/report.html",
        "adapter_mоdel.safetensors",
        "ADAPTER_MODEL.BIN",
    ],
)
def test_a_listed_file_that_would_be_loaded_is_refused(tmp_path: Path, path: str) -> None:
    assert path in about_names(adapter(tmp_path, write_file(path)))[0]


@pytest.mark.parametrize(
    "path",
    [
        "data/test-00001-of-00002.parquet",
        "data/hidden.parquet",
        "data/more.csv",
        "data/more.jsonl.gz",
        "data/sub/x.arrow",
        "loader.py",
        "dataset_infos.json",
        ".eval_results/x.yaml",
        "quarantine/more.jsonl",
    ],
)
def test_data_files_in_no_record_are_refused(tmp_path: Path, path: str) -> None:
    (result,) = about_names(dataset(tmp_path, write_file(path)))
    assert path in result


def test_added_files_are_listed_and_not_looked_at(tmp_path: Path) -> None:
    for number, path in enumerate(("notes.txt", "data/README.md", "assets/mine.jpg", "extra/mine.parquet")):
        state = dataset(tmp_path / str(number))
        write_file(path)(state.folder)
        lines = verify_files(RepoState.of_folder(DATASET, state.folder))
        assert [line for line in wrong(lines) if "as the" not in line] == []
        assert [(line.claimed, line.verdict) for line in lines if line.claim == "files: not ours"] == [
            (path, "not looked at")
        ]


def test_paths_out_of_the_repo_are_not_opened(tmp_path: Path) -> None:
    """A path that leads out of the repo counts as a missing file."""
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "repo").mkdir()
    state = adapter(tmp_path / "repo")
    for path in ("../secret", str(tmp_path / "secret"), "../../../../../etc/passwd", "assets/../../secret"):
        sums = (state.folder / CHECKSUMS).read_text() + f"{file_sha256(tmp_path / 'secret')}  {path}\n"
        (state.folder / CHECKSUMS).write_text(sums)
        assert state.file(path) is None and state.read(path) is None
    assert [line for line in wrong(verify_files(state)) if "sha256 of" in line and "secret" in line]
