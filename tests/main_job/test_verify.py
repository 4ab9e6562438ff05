"""`titlecraft verify` on the main job's repos: everything holds, and every change is detected."""

import json
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.main_job.conftest import ADAPTER, BASE, DATASET, World
from tests.warm import PYTHON

pytestmark = pytest.mark.slow

TAMPERED = Path(__file__).with_name("tampered.py")


def test_everything_holds_on_a_fresh_machine(world: World, published: dict[str, str]) -> None:
    fresh = {"HF_HOME": str(world.folder / "never seen"), "COLUMNS": "160"}
    process = world.titlecraft("verify", ADAPTER, "--level", "scores", "--json", "v.json", "--badge", "v.svg", **fresh)
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr
    result = json.loads((world.folder / "v.json").read_text())
    assert {line["level"] for line in result["lines"]} == {"card", "scores"}
    assert {line["verdict"] for line in result["lines"]} <= {"holds", "not looked at"} and result["verdict"] == "holds"
    claims = [line["claim"] for line in result["lines"]]
    for part in (
        "data.seen",
        "trainable parameters",
        "sha256 of adapter_model.safetensors",
        "dataset exists",
        "NLL per token",
        "prompt of every title",
        "rouge_l_after of every title",
        "report.html, rendered again",
    ):
        assert any(part in claim for claim in claims), part
    assert f"verified: all {result['counts']['holds']} claims hold at level scores" in process.stdout
    badge = (world.folder / "v.svg").read_text()
    assert ">card = records = answers<" in badge and result["repo"]["revision"][:8] in badge
    (card,) = (world.folder / "never seen").rglob(f"models--{ADAPTER.replace('/', '--')}/snapshots/*/README.md")
    block = re.search(r"```bash\n(titlecraft verify .*?)```", card.read_text(encoding="utf-8"), re.DOTALL)
    assert block
    commands = block[1].splitlines()
    assert [shlex.split(command)[:3] for command in commands] == [
        ["titlecraft", "verify", ADAPTER],
        ["titlecraft", "verify", f"datasets/{DATASET}"],
    ]
    for command in commands:  # the card's own check, as it is typed
        second = world.titlecraft(*shlex.split(command)[1:], "--json", "d.json", **fresh)
        assert second.returncode == 0, second.stdout[-3000:] + second.stderr
    assert "dataset: data/train-00000-of-00001.parquet, built again" in (world.folder / "d.json").read_text()
    assert "levels scores, predictions, training are not possible: a dataset has no report" in second.stdout


def test_the_adapter_is_trained_again_bit_for_bit(world: World, published: dict[str, str]) -> None:
    process = world.titlecraft("verify", ADAPTER, "--level", "training", "--full")
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-2000:]
    assert "holds: level training: training record: adapter_model.safetensors, sha256" in process.stdout
    assert "holds: level training: training record: training_log.jsonl, sha256" in process.stdout
    refused = world.titlecraft("verify", f"datasets/{DATASET}", "--hours", "2")
    assert refused.returncode == 2 and "--hours is a positive number of hours, for --level training" in refused.stderr


@pytest.fixture(scope="module")
def tampered(world: World, published: dict[str, str]) -> dict[str, list[str]]:
    """Name of each change -> the claims that do not hold after it, as LEVEL: CLAIM."""
    process = world.run(PYTHON, str(TAMPERED), ADAPTER, DATASET, "trn.json.gz")
    assert process.returncode == 0, process.stderr[-3000:]
    return json.loads(process.stdout.splitlines()[-1])


CAUGHT = {
    "a digit of the card": "card: card: data.seen",
    "a number of the record": "card: training record: trainable parameters",
    "a pin of the record": "card: pins: dataset exists",
    "a byte of a file": "card: files: sha256 of tokenizer_config.json",
    "a file less": "card: files: sha256 of assets/splits.png",
    "a report more": "card: files: files that look like ours and SHA256SUMS does not list",
    "a digit of the report": "scores: report: NLL per token",
    "a text of the predictions": "scores: report: chrf_after of every title",
    "a row of the predictions": "scores: report: uid of every title",
    "likelihoods of the predictions": "predictions: report: nll_per_token_after, made again",
    "a word of the data": "data: dataset: data/test-00000-of-00001.parquet, built again",
    "a second result": "card: card: marks of the sections",
    "a key twice": "card: card: can be derived",
    "tokens that changed places": "card: tokenizer: tokenizer.json is that of the base",
    "a key of the adapter's config": "card: adapter: use_rslora in adapter_config.json",
    "a pickle beside the adapter": "card: files: files that would be loaded or shown beside ours",
    "a digit of the dataset's record": "card: dataset record: published rows = rows of all splits",
}


@pytest.mark.parametrize("name", CAUGHT)
def test_each_change_is_detected(tampered: dict[str, list[str]], name: str) -> None:
    assert CAUGHT[name] in tampered[name]
    assert set(tampered) == {*CAUGHT, "an imitated table", "a person's words"}


def test_unchanged_parts_still_hold(tampered: dict[str, list[str]]) -> None:
    """A changed byte fails one line, a person's text none, and changed likelihoods only the lines that need the model."""
    assert tampered["a byte of a file"] == ["card: files: sha256 of tokenizer_config.json"]
    assert tampered["a person's words"] == []
    (imitated,) = tampered["an imitated table"]
    assert imitated.startswith("card: card: text added by hand, lines ")
    columns = [line for line in tampered["likelihoods of the predictions"] if line.endswith("_after, made again")]
    assert columns == [f"predictions: report: {name}_after, made again" for name in ("nll_per_token", "bits_per_byte")]


def test_user_errors_are_one_line(world: World, published: dict[str, str], refused: Callable[..., str]) -> None:
    assert "no model titlecraft/nothing that this token may see" in refused("verify", "titlecraft/nothing")
    assert "no such revision" in refused("verify", f"{ADAPTER}@nowhere")
    assert "expected NAMESPACE/NAME" in refused("verify", "adapter")
    assert "--level data and --source FILE go together" in refused("verify", ADAPTER, "--level", "data")
    assert "does not answer" in refused("verify", ADAPTER, HF_ENDPOINT="http://127.0.0.1:9")
    assert "nothing.json: no such file" in refused("verify", ADAPTER, "--level", "data", "--source", "nothing.json")


def test_private_and_deleted_repos_are_unavailable(world: World, published: dict[str, str]) -> None:
    """Without access to the base, claims that depend on it have no verdict, and the exit status is 3."""
    show = "import sys; from huggingface_hub import HfApi; HfApi().update_repo_settings(sys.argv[1], private=sys.argv[2] == 'yes')"
    nobody = {"HF_TOKEN": "", "HF_HOME": str(world.folder / "nobody"), "COLUMNS": "160"}
    assert world.run(PYTHON, "-c", show, BASE, "yes").returncode == 0
    try:
        process = world.titlecraft("verify", ADAPTER, "--brief", "--badge", "n.svg", **nobody)
    finally:
        assert world.run(PYTHON, "-c", show, BASE, "no").returncode == 0
    assert process.returncode == 3 and "Traceback" not in process.stderr, process.stdout + process.stderr
    assert "could not be looked at: " in process.stdout and "verified: all" not in process.stdout
    assert ">could not be looked at<" in (world.folder / "n.svg").read_text()
    process = world.titlecraft("verify", "titlecraft/gone", HF_TOKEN="")
    assert process.returncode == 3 and process.stderr.startswith("error: could not be looked at: ")
    assert world.titlecraft("verify", ADAPTER, "--level", "half").returncode == 2
    assert "exit status: 0 everything" in " ".join(world.titlecraft("verify", "--help").stdout.split())


def test_another_source_fails_and_a_third_party_repo_is_refused(world: World, published: dict[str, str]) -> None:
    (world.folder / "other.json").write_text('{"uid": "B000000001", "title": "t", "content": "c"}\n')
    process = world.titlecraft("verify", ADAPTER, "--level", "data", "--source", "other.json", COLUMNS="160")
    assert process.returncode == 1 and "built again" not in process.stdout
    assert "source: sha256 of trn.json.gz: claimed" in process.stdout and "other.json has 52 bytes" in process.stdout
    process = world.titlecraft("verify", BASE, COLUMNS="160")
    assert process.returncode == 3 and "could not be looked at: 1 of 1 claims at level card" in process.stdout
    assert (
        "levels card, scores, predictions, data, training are not possible: no training_record.json" in process.stdout
    )
