"""evaluate, ask, export and verify of an adapter without a training record, from the command line on an embedded Hub."""

import json
import os
import shutil
import subprocess
from typing import Any

import pytest

from local_hub.server import start, stop
from tests import ROOT
from tests.playground.export.exporting import SESSION, Outcome
from tests.playground.third_party_world import ADAPTER, BASE, DATASET
from tests.warm import PYTHON

MERGED = "titlecraft/others-merged"
RECIPE = {
    "evaluation": {"titles": 30, "batch_size": 30, "resamples": 700, "sampled": 0},
    "generation": {"max_new_tokens": 6},
}
STATED = ["--adapter", ADAPTER, "--dataset", DATASET, "--recipe", "recipe.yaml"]
ASKED = ["ask", "What is 'The red lamp of the kitchen'?", "--max-new-tokens", "4"]
COMMANDS = {
    "propose": ["evaluate", *STATED, "--pull-request"],
    "again": ["evaluate", *STATED, "--base", BASE, "--pull-request"],
    "ask": [*ASKED, *STATED],
    "export": ["export", *STATED, "--to", "merged", "--titles", "20", "--repo", MERGED],
    "verify": ["verify", MERGED, "--full"],
    "alone": ["export", *STATED, "--to", "gguf-adapter", "--out", "alone"],
    "no dataset": ["evaluate", "--adapter", ADAPTER, "--recipe", "recipe.yaml"],
    "no target": ["evaluate", *STATED],
    "another base": ["evaluate", *STATED, "--base", "titlecraft/wide-base", "--out", "wide"],
    "unused": ["evaluate", "--adapter", ADAPTER, "--base.max_length=64"],
    "asked without": [*ASKED, "--adapter", ADAPTER],
}
LOOK = """
import json, sys
from pathlib import Path
from huggingface_hub import HfApi, hf_hub_download
files = HfApi().list_repo_files({adapter!r}, revision="refs/pr/1")
read = lambda path: Path(hf_hub_download({adapter!r}, path, revision="refs/pr/1")).read_text()
text = [name for name in files if name.endswith((".yaml", "report.json", "README.md", "report.html"))]
shown = HfApi().model_info({adapter!r}, revision="refs/pr/1", expand=["evalResults"]).eval_results
print(json.dumps([{{name: read(name) for name in text}}, len(shown), HfApi().list_repo_files({adapter!r})]))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Outcomes of all commands by name, and under "look" the files of the pull request."""
    folder = tmp_path_factory.mktemp("others")
    (folder / "recipe.yaml").write_text(json.dumps(RECIPE))
    hub = start(folder / "hub")
    environment = os.environ | hub.environment(folder / "home") | {"PYTHONPATH": str(ROOT)}

    def said(*command: str) -> str:
        done = subprocess.run(
            [PYTHON, *command], env=environment, cwd=folder, capture_output=True, text=True, timeout=280
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout.splitlines()[-1]

    try:
        said("-m", "tests.playground.third_party_world", str(folder / "files"))
        outcomes = {name: Outcome(*one) for name, one in json.loads(said("-c", SESSION, json.dumps(COMMANDS))).items()}
        return outcomes | {"look": json.loads(said("-c", LOOK.format(adapter=ADAPTER)))}
    finally:
        stop(folder / "hub")
        shutil.rmtree(folder / "home", ignore_errors=True)


def test_a_pull_request_has_the_report_and_its_results(found) -> None:
    assert found["propose"].status == 0, found["propose"].err
    assert "/discussions/1" in found["propose"].out
    files, results, on_main = found["look"]
    report = json.loads(next(text for name, text in files.items() if name.endswith("report.json")))
    assert report["n"] == 30 and report["dataset"]["repo"] == DATASET and report["base"]["repo"] == BASE
    assert report["third_party"]["rows"]["format"] == "alpaca"
    assert results == len(report["measures"]) > 10
    card = files["README.md"]
    assert card.endswith("---\n\n# Mine\n\nWords.\n") and "license: mit" in card
    assert "type: accuracy" in card and "type: nll_per_token" in card
    assert not any(name.startswith("evaluation/") for name in on_main)


def test_the_report_and_the_console_say_what_is_unknown(found) -> None:
    page = next(text for name, text in found["look"][0].items() if name.endswith("report.html"))
    for text in (page, *(" ".join(found[name].out.split()) for name in ("propose", "export")), found["ask"].err):
        for words in ("rsLoRA", "8 / √4 = 4", "lm_head", "another rank: 2", "vLLM: it refuses modules_to_save"):
            assert words in text
        assert "It has no training record. Unknown: on which texts it was trained" in text
        assert "whether titles of the test split, or texts close to them, were in its training" in text


def test_an_open_pull_request_of_the_same_inputs_is_found(found) -> None:
    assert found["again"].status == 0 and "nothing to do: this pull request has the report" in found["again"].out
    assert "/discussions/1" in found["again"].out


def test_it_answers_and_is_merged_with_what_it_trained_in_full(found) -> None:
    assert found["ask"].status == 0 and "BM25" in found["ask"].out
    assert found["export"].status == 0, found["export"].err
    assert "with the adapter on the base" in found["export"].out


def test_the_export_is_verified_without_a_training_record(found) -> None:
    assert found["verify"].status == 0, found["verify"].out[-3000:]
    assert "kinds of the adapter" in found["verify"].out and "an adapter of another program" in found["verify"].out


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("alone", "llama.cpp cannot use it alone: its converter refuses modules_to_save"),
        ("no dataset", "evaluate, ask and export take the adapter of another program with --dataset"),
        ("asked without", "has no training_record.json"),
        ("no target", "with either --out FOLDER or --pull-request"),
        ("another base", "give the base of its training as --base"),
        ("unused", "--base.max_length is for an adapter without a training record"),
    ],
)
def test_a_refusal_is_one_line(found, name: str, words: str) -> None:
    assert words in found[name].refusal()
