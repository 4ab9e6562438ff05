"""Recipes that a base cannot have are named before any work, by the dry run and by the sweep."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from transformers import LlamaConfig

from titlecraft.errors import UserError
from titlecraft.models.base.config import on_meta
from titlecraft.records import Pin
from titlecraft.settings import Base, Recipe, Training
from training.sweep import impossible
from training.sweep.combinations import combine
from training.sweep.files import finished_record

BASE = Pin(type="model", repo="me/base", revision="b" * 40)
FULL = "needs weights that are not quantised, and me/base@bbbbbbbbbbbb is loaded in nf4"
RATES = [1e-4, 2e-4]


@pytest.fixture(scope="module")
def config() -> LlamaConfig:
    return LlamaConfig(
        architectures=["LlamaForCausalLM"],
        vocab_size=64, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("swept", "quantization", "expected"),
    [
        ({"lora.init": ["default", "pissa"], "training.learning_rate": RATES}, "nf4", [f"recipes 3, 4: lora.init pissa {FULL}"]),
        ({"lora.init": ["olora", "default", "pissa"]}, "nf4", [f"recipe 1: lora.init olora {FULL}", f"recipe 3: lora.init pissa {FULL}"]),
        ({"lora.init": ["default", "pissa"]}, "none", []),
        ({"lora.init": ["default", "loftq"]}, "none", ["recipe 2: lora.init loftq makes up for the rounding of 4-bit weights"]),
        ({"lora.init": ["loftq", "default"], "lora.variant": ["lora", "dora"]}, "nf4", ["recipe 2: lora.variant dora starts from"]),
        ({"lora.init": ["pissa"], "lora.r": [8, 17]}, "none", ["recipe 2: lora.init pissa: lora.r 17 is more than the 16 singular values"]),
        ({"lora.target_modules": [["q_proj"], ["qkv"]]}, "nf4", ["recipe 2: lora.target_modules: me/base@bbbbbbbbbbbb has no layers named qkv"]),
    ],
)  # fmt: skip
def test_impossible_recipes_are_named_together(
    config: LlamaConfig, monkeypatch: pytest.MonkeyPatch, swept: dict[str, Any], quantization: str, expected: list[str]
) -> None:
    model = on_meta(config, BASE)
    for name, value in (("load_config", config), ("on_meta", model), ("published_as", "none")):
        monkeypatch.setattr(impossible, name, lambda *_, value=value: value)
    base = replace(Base(repo="me/base"), quantization=quantization)
    combinations = combine(Recipe(base=base, training=Training(backend="trl")), swept)
    lines = impossible.in_lines(impossible.find_impossible(combinations, BASE))
    assert len(lines) == len(expected)
    assert all(line.startswith(start) for line, start in zip(lines, expected, strict=True))
    if expected:
        with pytest.raises(UserError, match=r"^titlecraft sweep: recipes? \d.*; or leave these recipes' values out$"):
            impossible.require_possible(combinations, BASE)
    else:
        impossible.require_possible(combinations, BASE)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{}", b"[]", b'{"key": "a"', b"\xff\xfe", b"null", b'{"schema": "titlecraft.report/1", "key": "a"}', b"[" * 9999],
)  # fmt: skip
def test_a_foreign_or_damaged_record_is_one_line_with_the_fix(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "sweep.json").write_bytes(raw)
    with pytest.raises(UserError) as caught:
        finished_record(tmp_path, "key", fresh=False)
    message = str(caught.value)
    assert message.startswith(f"{tmp_path / 'sweep.json'} cannot be read as the record of a sweep (")
    assert message.endswith("): name another folder by --out, or add --fresh to replace it") and "\n" not in message
    assert finished_record(tmp_path, "key", fresh=True) is None


def test_a_folder_in_the_place_of_the_record_is_refused_even_with_fresh(tmp_path: Path) -> None:
    (tmp_path / "sweep.json").mkdir()
    for fresh in (False, True):
        with pytest.raises(UserError, match=r"sweep\.json is a folder: name another folder by --out"):
            finished_record(tmp_path, "key", fresh)
