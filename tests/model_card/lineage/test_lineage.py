"""Lineage of a dataset, its adapter and its report on an embedded Hub, with literal records and the unmodified client."""

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from local_hub.server import RunningHub, start, stop
from tests import ROOT
from tests.model_card.lineage.lineage_world import ADAPTER, BASE, DATASET
from tests.warm import PYTHON
from titlecraft.cards.front_matter import split_front_matter
from titlecraft.command_line.demo.catalogue import write_catalogue

pytestmark = pytest.mark.slow

OF_ADAPTER, OF_DATASET = f"/api/models/{ADAPTER}", f"/api/datasets/{DATASET}"


@dataclass(frozen=True)
class World:
    """An embedded Hub; each method that runs a command does so in a new process."""

    hub: RunningHub
    root: Path

    def run(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | self.hub.environment(self.root / "home") | variables
        return subprocess.run([PYTHON, "-m", *arguments], env=environment, cwd=ROOT, capture_output=True, text=True)

    def do(self, *arguments: str) -> str:
        """The output of a command, which must succeed."""
        process = self.run(*arguments)
        assert process.returncode == 0, process.stderr
        return process.stdout

    def step(self, *arguments: str) -> str:
        return self.do("tests.model_card.lineage.lineage_world", *arguments)

    def build(self, *options: str) -> str:
        small = ["--workers", "1", "--public", *options]
        return self.do(
            "titlecraft.command_line.main", "build", str(self.root / "rows.json.gz"), "--repo", DATASET, *small
        )

    def lineage(self, *arguments: str) -> str:
        return self.do("titlecraft.command_line.main", "lineage", *arguments)

    def get(self, path: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.hub.token}"}
        return httpx.get(f"{self.hub.url}{path}", headers=headers, trust_env=False, follow_redirects=True)

    def head(self, path: str) -> str:
        return self.get(path).json()["sha"]

    def card(self) -> str:
        return self.get(f"/datasets/{DATASET}/resolve/main/README.md").text


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A Hub with a dataset, an adapter that was trained on it, and a report of that adapter."""
    root = tmp_path_factory.mktemp("lineage")
    world = World(start(root / "hub"), root)
    write_catalogue(root / "rows.json.gz", rows=400, seed=3)
    world.build("--data.test_share=0.1")
    world.step("adapter")
    world.step("report", "0123456789ab", "200")
    yield world
    stop(root / "hub")


def test_an_adapter_is_listed_once_and_the_data_revision_stays(world: World) -> None:
    before = world.head(OF_DATASET)
    listed, collection = world.step("announce").splitlines()
    after = world.head(OF_DATASET)
    assert listed == f"listed on the dataset's card: {DATASET}@{after[:12]}" and after != before
    assert collection.startswith(f"collection: {world.hub.url}/collections/titlecraft/titlecraft-titlecraft-products-")
    assert world.step("announce") == "" and world.head(OF_DATASET) == after
    pinned = "from titlecraft.hub.data_revision import pin_data as p; print(p('titlecraft/products').revision, p('titlecraft/products@main').revision)"
    process = subprocess.run(
        [PYTHON, "-c", pinned],
        env=os.environ | world.hub.environment(world.root / "home"),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.stdout.split() == [before, after], process.stderr
    assert "nothing to do" in world.build("--data.test_share=0.1")
    row = f"200 titles ([report 0123456789ab](/{ADAPTER}/blob/{world.head(OF_ADAPTER)}/evaluation/0123456789ab/report.json))"
    assert f"From revision [{before[:12]}](/datasets/{DATASET}/tree/{before}):" in world.card() and row in world.card()
    assert world.get(f"/datasets/{DATASET}/resolve/main/assets/lineage.png").content.startswith(b"\x89PNG")
    (collected,) = world.get("/api/collections?owner=titlecraft").json()
    assert [(item["type"], item["id"]) for item in collected["items"]] == [
        ("dataset", DATASET),
        ("model", ADAPTER),
        ("model", BASE),
    ]


def test_the_graph_from_both_sides(world: World, tmp_path: Path) -> None:
    world.step("third_party")
    world.step("export")
    line = "NLL per token 2.5 → 2.25 nats (-0.25, 95 % interval -0.3 to -0.2), n = 200: better"
    for reference in (ADAPTER, f"{ADAPTER}-merged", f"datasets/{DATASET}"):
        tree = world.lineage(reference, "--out", str(tmp_path / "graph.png"))
        assert tree.splitlines()[0].startswith("source rows.json.gz (400 lines, sha256 ")
        assert tree.count(f"adapter {ADAPTER}@") == 1 and tree.count(f"base {BASE}@") == 1 and line in tree
        assert f"merged model {ADAPTER}-merged@" in tree
        assert (tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")
        assert ("unconfirmed titlecraft/theirs names the dataset on its card" in tree) == reference.startswith(
            "datasets/"
        )
    graph = json.loads(world.lineage(DATASET, "--json"))
    (adapter,) = graph["adapters"]
    assert (adapter["listed"], adapter["problem"], graph["missing"]) == (True, None, [])
    assert adapter["trained"]["dataset"] == graph["dataset"]
    refused = world.run("titlecraft.command_line.main", "lineage", BASE)
    assert (
        refused.returncode == 2 and refused.stderr.startswith(f"error: {BASE}@") and "Traceback" not in refused.stderr
    )


def test_entries_without_a_matching_record_are_unconfirmed(world: World) -> None:
    path = f"/datasets/{DATASET}/resolve/main/lineage.json"
    listed = world.get(path).json()
    exaggerated = json.loads(json.dumps(listed).replace('"after": 2.25', '"after": 1.25'))
    for claimed, problem in ((exaggerated, "its report 0123456789ab is not as listed"), (listed, None)):
        put = f"from tests.model_card.lineage.lineage_world import put; put('{DATASET}', 'dataset', {{'lineage.json': {json.dumps(claimed).encode()!r}}})"
        process = subprocess.run(
            [PYTHON, "-c", put],
            env=os.environ | world.hub.environment(world.root / "home"),
            cwd=ROOT,
            capture_output=True,
            text=True,
        )
        assert process.returncode == 0, process.stderr
        (adapter,) = json.loads(world.lineage(DATASET, "--json"))["adapters"]
        assert adapter["problem"] == problem


def test_added_text_and_a_stated_licence_stay(world: World) -> None:
    world.step("edit")
    world.step("report", "ba9876543210", "300")
    announced = world.run("tests.model_card.lineage.lineage_world", "announce")
    assert "claims a licence" not in announced.stderr
    assert "listed on the dataset's card" in announced.stdout and "[report ba9876543210]" in world.card()
    front = yaml.safe_load(split_front_matter(world.card())[0] or "")
    assert (front["license"], front["mine"], front["license_link"]) == ("mit", 7, "https://example.org")
    assert {"lamps", "license:apache-2.0"} <= set(front["tags"])
    assert [config["config_name"] for config in front["configs"]] == ["default", "extra"]
    assert "nothing to do: the card of" in world.do("titlecraft.command_line.main", "card", f"datasets/{DATASET}")
    rebuilt = world.build("--data.test_share=0.2")
    assert "nothing to do" not in rebuilt
    assert "\n\nAsk Ada about the lamps.\n\n" in world.card() and "[report ba9876543210]" in world.card()
    assert world.get(f"/datasets/{DATASET}/resolve/main/lineage.json").status_code == 200
    assert world.get(f"/datasets/{DATASET}/resolve/main/assets/lineage.png").status_code == 200
    second = json.loads(world.lineage(DATASET, "--json"))
    assert second["adapters"][0]["trained"]["dataset"]["revision"] != second["dataset"]["revision"]


def test_repos_that_cannot_be_listed_give_one_line(world: World) -> None:
    world.step("private")
    world.step("elsewhere")
    before = world.head(OF_DATASET)
    messages = world.step("announce", "titlecraft/secret").splitlines()
    assert messages[0] == (
        f"the dataset's card does not list this adapter: titlecraft/secret is private and {DATASET} is public; "
        "make the adapter public and run this again"
    )
    assert world.get("/api/collections?owner=titlecraft").json()[0]["private"] is True
    messages = world.step("announce", "titlecraft/other").splitlines()
    assert messages[0].startswith("the dataset's card does not list this adapter: no write right on somebody/texts: ")
    assert messages[1].startswith("the repos are not in a collection: ") and len(messages) == 2
    assert world.head(OF_DATASET) == before
    away = "from model_card.lineage.announce import announce; from titlecraft.records import Pin; announce(Pin(type='model', repo='a/b', revision='0' * 40), collection=True)"
    process = subprocess.run(
        [PYTHON, "-c", away],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=os.environ | world.hub.environment(world.root / "home") | {"HF_ENDPOINT": "http://127.0.0.1:9"},
    )
    assert process.returncode == 0 and "Traceback" not in process.stderr, process.stderr
    (line,) = process.stdout.splitlines()
    assert line.startswith("the adapter is published, but listed nowhere: ") and "does not answer" in line


def test_a_build_publishes_on_top_of_a_listed_adapter(world: World, tmp_path: Path) -> None:
    """An adapter is announced during a build: the build publishes on top of that commit and keeps the listed adapter."""
    world.step("report", "111111111111", "400")
    small = ["--data.test_share=0.3", "--workers", "1", "--repo", DATASET]
    meanwhile = f"""
import os, subprocess, sys
import dataset_builder.write_dataset as writing
from titlecraft.command_line.main import main
group = writing.group_and_assign
def list_an_adapter(*others):
    subprocess.run([{PYTHON!r}, "-m", "tests.model_card.lineage.lineage_world", "announce"], check=True,
                   env=os.environ | {{"HF_HOME": {str(tmp_path)!r}}})
    return group(*others)
writing.group_and_assign = list_an_adapter
sys.exit(main(["build", {str(world.root / "rows.json.gz")!r}, *{small!r}]))
"""
    process = subprocess.run(
        [PYTHON, "-c", meanwhile],
        env=os.environ | world.hub.environment(world.root / "home"),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0 and "listed on the dataset's card" in process.stdout, process.stderr
    assert "[report 111111111111]" in world.card() and "--data.test_share=0.3" in world.card()
