"""adapter_config.json omits defaults: PEFT 0.10 (March 2024) can read it, and current PEFT reads the same settings."""

import json
from pathlib import Path

import pytest
from peft import LoraConfig

from tests.folder_repos import pin_of
from tests.tiny_world import make_base, train_tokenizer
from titlecraft.models.base.model import LoadedBase
from titlecraft.settings import SEVEN_PROJECTIONS, Lora, Training
from training.model.build import add_adapter
from training.model.save_adapter import save_adapter

PEFT_0_10 = {
    "peft_type",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "task_type",
    "inference_mode",
    "r",
    "target_modules",
    "lora_alpha",
    "lora_dropout",
    "fan_in_fan_out",
    "bias",
    "use_rslora",
    "modules_to_save",
    "init_lora_weights",
    "layers_to_transform",
    "layers_pattern",
    "rank_pattern",
    "alpha_pattern",
    "megatron_config",
    "megatron_core",
    "loftq_config",
    "use_dora",
    "layer_replication",
}


@pytest.mark.parametrize("lora", [Lora(r=4, target_modules=["v_proj", "q_proj"]), Lora(r=8, alpha=8, dropout=0.0)])
def test_old_and_new_peft_read_the_same_adapter(tmp_path: Path, lora: Lora) -> None:
    base = make_base(400, layers=1)
    model = add_adapter(
        LoadedBase(base, train_tokenizer(), "none", None, "float32"), pin_of(tmp_path), lora, Training(backend="trl")
    )
    model.save_pretrained(str(tmp_path / "whole"))
    for name in ("a", "b"):
        save_adapter(model, tmp_path / name)
    config = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    assert set(config) <= PEFT_0_10 and None not in config.values()
    assert (config["r"], config["lora_alpha"], config["lora_dropout"]) == (lora.r, lora.alpha, lora.dropout)
    assert (
        config["target_modules"] == sorted(lora.target_modules or SEVEN_PROJECTIONS) and config["revision"] == "f" * 40
    )
    read = {name: LoraConfig.from_pretrained(str(tmp_path / name)).to_dict() for name in ("whole", "a")}
    assert {**read["whole"], "peft_version": None} == {**read["a"], "peft_version": None}
    assert (tmp_path / "a" / "adapter_config.json").read_bytes() == (
        tmp_path / "b" / "adapter_config.json"
    ).read_bytes()
    assert not (tmp_path / "a" / "README.md").exists()
