"""User errors: one line that names what is wrong, and a non-zero exit status."""

import gzip
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.main_job.conftest import ADAPTER, DATASET, World

pytestmark = pytest.mark.slow

Refused = Callable[..., str]


def build(source: Path | str, repo: str = "titlecraft/spare") -> list[str]:
    return ["build", str(source), "--repo", repo, "--recipe", "recipe.yaml"]


def test_source_is_missing(refused: Refused) -> None:
    assert "nowhere.json.gz: no such file" in refused(*build("nowhere.json.gz"))


def test_source_is_cut(world: World, refused: Refused, tmp_path: Path) -> None:
    full = (world.folder / "trn.json.gz").read_bytes()
    (tmp_path / "cut.json.gz").write_bytes(full[: len(full) // 2])
    message = refused(*build(tmp_path / "cut.json.gz"))
    assert "the gzip data is cut after line" in message and "fetch the whole file again" in message


def test_source_is_not_gzip(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "plain.json.gz").write_text('{"title": "a", "content": "b"}\n')
    assert "not a gzip file, whatever its name says" in refused(*build(tmp_path / "plain.json.gz"))


def test_source_has_other_columns(refused: Refused, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "other.json.gz", "wt") as stream:
        stream.write('{"name": "Kettle", "text": "A kettle that boils water."}\n' * 3)
    message = refused(*build(tmp_path / "other.json.gz"))
    assert (
        "no line has 'title' and 'content'; the lines have 'name', 'text'" in message
        and "--data.title_column=name" in message
    )


def test_unknown_recipe_key(world: World, refused: Refused) -> None:
    (world.folder / "typo.yaml").write_text("lora:\n  r: 4\n  alhpa: 8\n")
    message = refused("train", "--dataset", DATASET, "--repo", ADAPTER, "--recipe", "typo.yaml")
    assert message == "error: typo.yaml:3: unknown key 'lora.alhpa'; did you mean 'lora.alpha'?"


def test_unknown_recipe_and_option(refused: Refused) -> None:
    assert "no such recipe; there are auto, fast-convergence, full-epoch, " in refused(
        *build("trn.json.gz")[:-1], "enormous"
    )
    assert "--data.limitt" in refused(*build("trn.json.gz"), "--data.limitt=3")


def test_misspelt_repo(refused: Refused) -> None:
    message = refused("train", "--dataset", "titlecraft/amazn", "--repo", ADAPTER, "--recipe", "recipe.yaml")
    assert "no dataset titlecraft/amazn" in message and "check the spelling" in message
    assert "expected NAMESPACE/NAME" in refused("evaluate", "--adapter", "adapter", "--recipe", "recipe.yaml")


def test_no_write_right(world: World, refused: Refused) -> None:
    assert "no write right on titlecraft/spare" in refused(*build("trn.json.gz"), HF_TOKEN=world.hub.read_token)
    assert "no write right on somebody/spare" in refused(*build("trn.json.gz", "somebody/spare"))


def test_bad_token(refused: Refused) -> None:
    message = refused(*build("trn.json.gz"), HF_TOKEN="hf_nonsense")
    assert "refused the token" in message and "HF_TOKEN" in message
    assert "there is no token for http://" in refused(*build("trn.json.gz"), HF_TOKEN="")


def test_unsloth_without_a_gpu(world: World, refused: Refused, dataset: str) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU here")
    world.python("from huggingface_hub import create_repo; create_repo('titlecraft/any', exist_ok=True)")
    options = ["--recipe", "recipe.yaml", "--training.backend=unsloth", "--base.repo=titlecraft/any"]
    message = refused("train", "--dataset", DATASET, "--repo", "titlecraft/unsloth", *options)
    assert "needs a CUDA GPU" in message and "--training.backend=trl" in message


def test_port_in_use(refused: Refused, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        message = refused("hub", "serve", "--root", str(tmp_path / "hub"), "--port", port)
    assert port in message and "--port 0" in message


def test_nobody_answers(refused: Refused) -> None:
    message = refused(*build("trn.json.gz"), HF_ENDPOINT="http://127.0.0.1:9")
    assert "http://127.0.0.1:9 does not answer" in message and "run the same command again" in message


def test_repos_with_other_contents_are_refused(world: World, refused: Refused) -> None:
    """A repo with somebody else's data, or with the base model, is not overwritten."""
    outcome = world.python("""
from huggingface_hub import HfApi
for kind in ("dataset", "model"):
    HfApi().create_repo("titlecraft/precious", repo_type=kind)
    HfApi().upload_file(path_or_fileobj=b"x", path_in_repo="data/thesis.csv", repo_id="titlecraft/precious", repo_type=kind)
""")
    assert outcome.returncode == 0, outcome.stderr
    message = refused(*build("trn.json.gz", "titlecraft/precious"))
    assert "holds 1 files that this command did not publish (data/thesis.csv)" in message and "another repo" in message


def test_a_split_without_training_rows_is_refused(refused: Refused, tmp_path: Path) -> None:
    (tmp_path / "few.jsonl").write_text('{"title": "Kettle", "content": "A kettle that boils water."}\n')
    message = refused(*build(tmp_path / "few.jsonl"), "--data.test_share=0.99", "--data.validation_share=0")
    assert "no row is left for the training split" in message


def test_abbreviated_and_repeated_options_are_refused(refused: Refused) -> None:
    assert "unrecognized arguments: --rec" in refused(*build("trn.json.gz")[:-2], "--rec", "recipe.yaml")
    assert "--hub is given 2 times" in refused(*build("trn.json.gz"), "--hub", "local", "--hub=http://127.0.0.1:9")
    assert "--hub '': expected `local` or an address" in refused(*build("trn.json.gz"), "--hub=")
