"""Datasets that other people built: trained on, evaluated and verified by the commands that a user would type."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.main_job.conftest import MAIN, World, publish_base, succeed, train
from tests.tiny_world import row

pytestmark = pytest.mark.slow

ADAPTER, DATASET = "titlecraft/talks-adapter", "titlecraft/talks"
SETTINGS = (
    "--base.repo=titlecraft/plain",
    "--training.max_steps=4",
    "--base.max_length=400",
    "--base.quantization=none",
    "--training.learning_rate=1e-3",
)
UPLOAD = """
from pathlib import Path
from tests.evaluation.published_world import upload
print(upload(Path("FOLDER"), "REPO", "dataset"))
"""


def talks() -> list[dict[str, Any]]:
    """400 conversations; two are no exchange, one goes on, and one question is asked twice."""
    rows = [row(number) for number in range(400)]
    found: list[dict[str, Any]] = [
        {
            "messages": [
                {"role": "user", "content": f"What is {one['title']}?"},
                {"role": "assistant", "content": one["output"]},
            ]
        }
        for one in rows
    ]
    found[5]["messages"] *= 2
    found[6]["messages"][0]["content"] = found[7]["messages"][0]["content"]
    return [*found, {"messages": []}, {"messages": [{"role": "user", "content": "Hello?"}]}]


def publish(world: World, repo: str, files: dict[str, list[dict[str, Any]]]) -> None:
    """Publish JSON lines as a dataset, as `hf upload` would."""
    folder = world.folder / repo.replace("/", "-")
    folder.mkdir()
    for name, rows in files.items():
        (folder / name).write_text("".join(json.dumps(one) + "\n" for one in rows))
    done = world.python(UPLOAD.replace("FOLDER", str(folder)).replace("REPO", repo))
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def base(world: World) -> str:
    """A tiny base without a chat template."""
    publish_base(world, "save_base(folder)", "titlecraft/plain")
    return "titlecraft/plain"


@pytest.fixture(scope="module")
def trained(world: World, base: str) -> str:
    """What the training on conversations printed."""
    publish(world, DATASET, {"train.jsonl": talks()})
    return succeed(world, MAIN, *train(DATASET, ADAPTER, *SETTINGS))


def test_the_training_says_how_the_rows_are_read(trained: str) -> None:
    assert "format messages (columns messages)" in trained and "drawn by a keyed hash: test 0.2 of the rows" in trained
    assert "left out: no answer 1, no question 1; only the first exchange of 1 rows" in trained
    assert "prompt format alpaca: titlecraft/plain has no chat template" in trained


def test_evaluation_verification_card_and_answers_work_all_the_way(world: World, trained: str) -> None:
    recipe = ("--recipe", "recipe.yaml", "--evaluation.titles=30", "--generation.max_new_tokens=12")
    succeed(world, MAIN, "evaluate", "--adapter", ADAPTER, *recipe)
    done = world.titlecraft(
        "verify",
        ADAPTER,
        "--level",
        "scores",
        "--json",
        "talks.json",
        COLUMNS="160",
        HF_HOME=str(world.folder / "another home"),
    )
    assert (world.folder / "talks.json").is_file(), done.stdout[-3000:] + done.stderr[-3000:]
    lines = json.loads((world.folder / "talks.json").read_text())["lines"]
    assert done.returncode == 0, [line for line in lines if line["verdict"] not in ("holds", "not looked at")]
    claims = " ".join(line["claim"] for line in lines)
    assert "rows of the dataset, read again" in claims and "prompt of every title" in claims
    (card,) = Path(world.folder / "another home").rglob(f"models--{ADAPTER.replace('/', '--')}/snapshots/*/README.md")
    text = card.read_text(encoding="utf-8")
    assert "Titlecraft did not build this dataset: its source, and what its authors did to it, are not known" in text
    asked = world.titlecraft(
        "ask", "What is a red lamp?", "--adapter", ADAPTER, "--max-new-tokens", "8", "--show-prompt"
    )
    assert asked.returncode == 0, asked.stderr
    assert "### Instruction:\nWhat is a red lamp?\n\n### Response:" in asked.stdout


def test_two_named_columns_and_the_other_formats_are_planned(world: World, base: str) -> None:
    rows = [row(number) for number in range(60)]
    named = [{"name": one["title"], "about": one["output"]} for one in rows]
    publish(world, "titlecraft/named", {"train.jsonl": named, "test.jsonl": named[:3]})
    alpaca = [{"instruction": f"What is {one['title']}?", "input": "", "output": one["output"]} for one in rows]
    publish(world, "titlecraft/alpaca", {"train.jsonl": alpaca})

    def plan(dataset: str, *options: str) -> dict[str, Any]:
        done = world.titlecraft(*train(dataset, "titlecraft/x", *SETTINGS, "--dry-run", "--json", *options))
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    found = plan(
        "titlecraft/named",
        "--data.title_column=name",
        "--data.content_column=about",
        "--prompt.question=About {title}?",
    )
    assert found["read_as"]["format"] == "columns" and found["read_as"]["published"]["test"] == "test"
    assert found["prompt"]["prompt"]["question"] == "About {title}?"
    assert plan("titlecraft/alpaca")["read_as"]["format"] == "alpaca"
    wrong = world.titlecraft(*train("titlecraft/named", "titlecraft/x", *SETTINGS))
    assert wrong.returncode == 2 and "has the columns name, about: expected instruction and output" in wrong.stderr
