"""`titlecraft card` on an embedded Hub: a Titlecraft adapter, third-party adapters, and a repo without an adapter."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from local_hub.server import RunningHub, start, stop
from tests import ROOT
from tests.model_card.card_world import ADAPTER, BASE, THIRD_PARTY
from tests.warm import PYTHON

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class World:
    """An embedded Hub with the repos of card_world, and their commits."""

    hub: RunningHub
    root: Path
    revisions: dict[str, str]

    def run(self, *arguments: str, home: str = "home") -> subprocess.CompletedProcess[str]:
        """Run `python …` in a new process; only its environment variables name the Hub."""
        environment = os.environ | self.hub.environment(self.root / home)
        return subprocess.run([PYTHON, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True)

    def card(self, *arguments: str) -> str:
        """The output of `titlecraft card …`, which must succeed."""
        process = self.run("-m", "titlecraft.command_line.main", "card", *arguments)
        assert process.returncode == 0, process.stderr
        return process.stdout

    def published(self, repo: str = ADAPTER) -> str:
        """The card at the head of the repo, read without a cache."""
        headers = {"Authorization": f"Bearer {self.hub.token}"}
        return httpx.get(f"{self.hub.url}/{repo}/resolve/main/README.md", headers=headers, trust_env=False).text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("cards")
    hub = start(root / "hub")
    world = World(hub, root, {})
    process = world.run("-m", "tests.model_card.card_world", str(root / "files"))
    assert process.returncode == 0, process.stderr
    world.revisions.update(json.loads(process.stdout.splitlines()[-1]))
    assert "card of titlecraft/lamps@" in world.card(ADAPTER)
    yield world
    stop(root / "hub")


@pytest.fixture
def refused(world: World) -> Callable[..., str]:
    """Runs `titlecraft card …`, which must fail with a user error; returns stderr."""

    def run(*arguments: str) -> str:
        process = world.run("-m", "titlecraft.command_line.main", "card", *arguments)
        assert process.returncode == 2 and "Traceback" not in process.stderr, process.stderr
        return process.stderr.strip()

    return run


def put(world: World, text: str) -> None:
    """Upload an edited card, as a user of the Hub would."""
    code = "import sys; from huggingface_hub import HfApi; HfApi().upload_file(path_or_fileobj=sys.argv[2].encode(), path_in_repo='README.md', repo_id=sys.argv[1])"
    process = world.run("-c", code, ADAPTER, text)
    assert process.returncode == 0, process.stderr


def test_the_metadata_that_the_hub_reads(world: World) -> None:
    code = f"""
from huggingface_hub import ModelCard, model_info
data = ModelCard.load("{ADAPTER}").data
print(data.base_model, data.datasets, data.license, data.library_name, data.pipeline_tag)
print([(result.metric_type, result.metric_value, result.dataset_revision) for result in data.eval_results][0])
print(model_info("{ADAPTER}").card_data.eval_results == data.eval_results)
"""
    lines = world.run("-c", code).stdout.splitlines()
    revision = world.revisions["titlecraft/titles"]
    assert lines[0] == f"{BASE} ['titlecraft/titles'] mit peft text-generation"
    assert lines[1:] == [str(("nll_per_token", 2.25, revision)), "True"]
    question = {"repoType": "model", "content": world.published()}
    answer = httpx.post(f"{world.hub.url}/api/validate-yaml", json=question, trust_env=False)
    assert answer.status_code == 200 and answer.json()["errors"] == []


def test_the_card_is_rendered_alike_from_the_pinned_revision_on_another_machine(world: World) -> None:
    code = f"""
from model_card.build import read_card_inputs, render
from titlecraft.hub.pins import pin
print(render(read_card_inputs(None, pin("{ADAPTER}", "model"))), end="")
"""
    assert world.run("-c", code, home="elsewhere").stdout == world.published()
    assert "nothing to do" in world.card(ADAPTER)


def test_added_text_stays_and_edits_of_our_sections_are_overwritten(world: World) -> None:
    ours = world.published()
    tags, end = "- titlecraft\n- unsloth\n", "<!-- /titlecraft:summary -->\n"
    assert tags in ours and end in ours
    kept = ours.replace(tags, tags + "- mine\n").replace(end, end + "\n## Thanks\n\nTo the lamps.\n")
    put(world, kept.replace("2.25 after", "0.01 after").replace("license: mit", "license: apache-2.0"))
    assert "card of titlecraft/lamps@" in world.card(ADAPTER)
    assert world.published() == kept


def test_a_third_party_adapter(world: World, refused: Callable[..., str]) -> None:
    card = world.card(THIRD_PARTY, "--dry-run")
    assert "| parameters, from the file header | 256 in 4 tensors (F32) |" in card
    assert "| BOS token, from `tokenizer_config.json` | \\<s\\> |" in card
    assert "According to its present card, not checked: somebody/texts." in card and "99.9" not in card
    assert f'revision="{world.revisions[BASE]}"' in card and "`mit`, according to the card of the base model" in card
    assert "titlecraft/somebodys has no training_record.json" in refused(THIRD_PARTY)
    local = world.card(f"{THIRD_PARTY}-local", "--dry-run")
    assert "its base model is unknown" in local and "| /home/somebody/llama |" in local
    assert "a pickle file (`adapter_model.bin`)" in local and "| all\\|\\<b\\>linear\\</b\\> |" in local


def test_a_repo_without_an_adapter_is_refused(refused: Callable[..., str]) -> None:
    assert f"error: model {BASE} has no adapter_config.json: expected an adapter" in refused(BASE, "--dry-run")


def test_the_history_of_reports(world: World) -> None:
    """The card shows the newest of the largest reports. `verify` names the others and a removed one, and rejects another repo's."""
    process = world.run("-m", "tests.model_card.verification.level_card.history_world", str(world.root / "history"))
    assert process.returncode == 0, process.stderr
    states = json.loads(process.stdout.splitlines()[-1])
    assert (
        states["one"] == [] and states["newest"] == "000000000000" and states["about to be published"] == "ffffffffffff"
    )
    assert [(claim, derived, verdict) for claim, _, derived, verdict in states["three"]] == [
        ("history: report eeeeeeeeeeee about this adapter, newer", "the card shows 000000000000", "not looked at"),
        ("history: report ffffffffffff about this adapter, older", "the card shows 000000000000", "not looked at"),
    ]
    removed = [line for line in states["one taken out"] if "taken out" in line[1]]
    assert [(claim, derived, verdict) for claim, _, derived, verdict in removed] == [
        (
            "history: evaluation/000000000000/report.json, a report about this adapter",
            "NLL per token 2.5 to 2.25 on 200 titles: better",
            "not looked at",
        ),
    ]
    assert [claim.partition(": ")[2] for claim, _, _, _ in states["of another repo"]] == [
        "evaluation/dddddddddddd: repo of the evaluated adapter",
        "evaluation/dddddddddddd: the evaluated adapter is an earlier state of this repo",
    ]
    assert states["a dataset without its prefix"] == "dataset" and states["deleted"] != "holds"
