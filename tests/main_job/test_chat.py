"""An instruct base: trained on its own chat template, evaluated, verified and asked, by the commands that a user would type."""

import json
import urllib.request

import pytest

from tests.main_job.conftest import DATASET, MAIN, World, publish_base, succeed, train

pytestmark = pytest.mark.slow

BASE, ADAPTER = "titlecraft/instruct", "titlecraft/chat-adapter"
SETTINGS = (
    f"--base.repo={BASE}",
    "--base.quantization=none",
    "--training.max_steps=4",
    "--base.max_length=400",
    "--training.learning_rate=1e-3",
)
TRAIN = train(DATASET, ADAPTER, *SETTINGS)
RENDERED = """
import json, sys
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("titlecraft/chat-adapter")
ids = tokenizer.apply_chat_template([{"role": "user", "content": "A red lamp"}], add_generation_prompt=True, return_dict=True)
print(json.dumps({"text": tokenizer.decode(ids["input_ids"]), "eos": tokenizer.eos_token, "ids": ids["input_ids"]}))
"""


@pytest.fixture(scope="module")
def trained(world: World, dataset: str) -> str:
    """What the training on an instruct base printed."""
    publish_base(world, 'save_instruct_base(folder, "llama3")', BASE)
    return succeed(world, MAIN, *TRAIN)


def test_the_plan_and_the_training_say_which_format_and_why(world: World, trained: str) -> None:
    assert "prompt format chat: titlecraft/instruct has a chat template" in trained
    plan = world.titlecraft(*TRAIN, "--dry-run", COLUMNS="160")
    assert "titlecraft/instruct has a chat template" in plan.stdout, plan.stdout + plan.stderr
    asked = world.titlecraft(*TRAIN, "--prompt.format=alpaca", "--dry-run", "--json")
    found = json.loads(asked.stdout)["prompt"]
    assert (found["prompt"]["format"], found["reason"]) == ("alpaca", "prompt.format says so")


def test_the_record_has_the_prompt_and_the_published_tokenizer_renders_it(world: World, trained: str) -> None:
    record = json.loads(read(world, "training_record.json"))
    prompt = record["trained_prompt"]["prompt"]
    assert (prompt["format"], prompt["stop"]) == ("chat", "<|eot_id|>")
    assert json.loads(read(world, "prompt.json")) | {"columns": []} == prompt
    assert record["special_tokens"]["eos"] == "<|eot_id|>"
    checks = {check["name"]: check["found"] for check in record["checks"]}
    assert checks["examples with two BOS in front"] == "0"
    card = read(world, "README.md").decode()
    assert "tokenizer.apply_chat_template([message], add_generation_prompt=True" in card and 'prompt = """' not in card
    assert "- Format: `chat`, the base's own chat template (titlecraft/instruct has a chat template)." in card
    done = world.python(RENDERED)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["eos"] == "<|eot_id|>" and found["text"].count("<s>") == 1
    assert found["text"].endswith("'A red lamp'?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")


def test_evaluation_verification_and_answers_use_it(world: World, trained: str) -> None:
    recipe = ("--recipe", "recipe.yaml", "--evaluation.titles=20", "--generation.max_new_tokens=12")
    succeed(world, MAIN, "evaluate", "--adapter", ADAPTER, *recipe)
    done = world.titlecraft("verify", ADAPTER, "--level", "scores", "--json", "chat.json", COLUMNS="160")
    lines = json.loads((world.folder / "chat.json").read_text())["lines"]
    assert done.returncode == 0, [line for line in lines if line["verdict"] not in ("holds", "not looked at")]
    claims = " ".join(line["claim"] for line in lines)
    assert "the prompt is that of the base's chat template or Alpaca's" in claims and "prompt of every title" in claims
    asked = world.titlecraft("ask", "A red lamp", "--adapter", ADAPTER, "--show-prompt", "--max-new-tokens=8")
    assert asked.returncode == 0, asked.stderr
    assert "<|start_header_id|>user<|end_header_id|>" in asked.stdout


def read(world: World, name: str) -> bytes:
    """Return the bytes of a file of the published adapter."""
    request = urllib.request.Request(
        f"{world.hub.url}/{ADAPTER}/resolve/main/{name}", headers={"Authorization": f"Bearer {world.hub.token}"}
    )
    with urllib.request.urlopen(request) as answer:
        return answer.read()
