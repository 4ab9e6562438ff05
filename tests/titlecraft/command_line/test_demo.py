"""The demo's base and the share of attributes at its end."""

import json
from pathlib import Path
from typing import Any

import pytest

from titlecraft.command_line.demo.attributes import share_stated
from titlecraft.command_line.demo.tiny_base import SHIPPED

BYTES = 6_000_000


def test_the_shipped_base_is_small_and_whole():
    """All files of a loadable base with its card, at most six megabytes together."""
    files = {file.name: file for file in SHIPPED.iterdir()}
    assert set(files) == {
        "README.md", "config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"
    }  # fmt: skip
    assert sum(file.stat().st_size for file in files.values()) <= BYTES
    parameters = json.loads(files["config.json"].read_text())
    assert parameters["model_type"] == "llama"
    assert "1,155,712 parameters" in files["README.md"].read_text()


def test_the_shipped_base_continues_a_title_with_its_attributes():
    """A plain title of an invented product gets a description with its colour, material, kind and brand."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(SHIPPED, trust_remote_code=False)
    model: Any = AutoModelForCausalLM.from_pretrained(SHIPPED, trust_remote_code=False).eval()
    title = "Harbourline Yellow Steel Kettle"
    asked = tokenizer(f"{title}\n", return_tensors="pt", return_token_type_ids=False)
    answer = tokenizer.decode(
        model.generate(**asked, max_new_tokens=64, do_sample=False)[0, asked["input_ids"].shape[1] :]
    )
    assert share_stated([(title, answer)]) == 1.0, answer
    assert answer.endswith("<|end_of_text|>")


@pytest.mark.parametrize(
    ("answer", "share"),
    [
        ("This yellow kettle by Harbourline is made of steel.", 1.0),
        ("This navy tool box by Harbourline is made of leather.", 0.25),
        ("", 0.0),
    ],
)
def test_share_of_attributes(answer: str, share: float):
    """Colour, material, kind and brand count one each."""
    assert share_stated([("Harbourline Yellow Steel Kettle", answer)]) == share


def test_titles_without_known_attributes_do_not_count():
    """A title of somebody's own catalogue has none of the invented attributes."""
    assert share_stated([("Acme 3000", "Acme 3000")]) == 0.0


def test_the_wheel_takes_the_base(pytestconfig: pytest.Config):
    """Hatchling leaves out what git ignores: the weights need their exception in .gitignore."""
    ignored = Path(pytestconfig.rootpath, ".gitignore").read_text().splitlines()
    assert ignored.index("!titlecraft/command_line/demo/base/model.safetensors") > ignored.index("*.safetensors")
