"""A tiny Llama: the adapter's size, the base's commit in its config, and reproducible training."""

from pathlib import Path
from typing import Any

import pytest
from datasets import Dataset

from tests import present
from tests.tiny_world import make_base, row, train_tokenizer
from titlecraft.errors import UserError
from titlecraft.models.adapter.probe import probe_logits
from titlecraft.models.base.model import LoadedBase
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin
from titlecraft.settings import SEVEN_PROJECTIONS, Lora, Prompt, Training
from training import checks
from training.data.examples import encode_split
from training.model.build import add_adapter
from training.model.lora_targets import expected_trainable, require_lora_targets
from training.trainer import make_trainer

BASE = Pin(type="model", repo="ns/base", revision="b" * 40)
LORA = Lora(r=4, alpha=8, dropout=0.1, target_modules=["v_proj", "q_proj"])
SETTINGS = Training(
    backend="trl",
    batch_size=4,
    accumulation=2,
    max_steps=3,
    warmup_steps=0,
    optimizer="adamw_torch",
    precision="float32",
    gradient_checkpointing=False,
    learning_rate=1e-2,
)


def train(folder: Path) -> tuple[Any, Any, dict[str, int]]:
    from transformers import set_seed

    tokenizer = train_tokenizer()
    set_seed(SETTINGS.seed)
    base = make_base(len(tokenizer))
    set_seed(SETTINGS.seed)
    model = add_adapter(LoadedBase(base, tokenizer, "none", None, "float32"), BASE, LORA, SETTINGS)
    rows = Dataset.from_list([row(number) for number in range(30)])
    examples = encode_split(rows, tokenizer, PromptFormat.from_settings(Prompt()), 512)
    probe = examples.dataset[0]["input_ids"]
    with model.disable_adapter():
        before = probe_logits(model, probe)
    trainer = make_trainer(model, tokenizer, examples.dataset, SETTINGS, "float32", folder / "trainer")
    trainer.train()
    checks.require(checks.check_adapter(model, probe, before))
    model.save_pretrained(str(folder))
    return model, trainer, trainer.seen


def test_two_runs_give_the_same_adapter(tmp_path: Path) -> None:
    model, trainer, seen = train(tmp_path / "a")
    train(tmp_path / "b")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    config = model.peft_config["default"]
    assert (config.base_model_name_or_path, config.revision) == ("ns/base", "b" * 40)
    assert list(config.target_modules) == ["q_proj", "v_proj"]
    assert (
        '"target_modules": [\n    "q_proj",\n    "v_proj"\n  ]' in (tmp_path / "a" / "adapter_config.json").read_text()
    )
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    assert (
        trained
        == 2 * 4 * ((64 + 64) + (64 + 32))
        == expected_trainable(model.base_model.model, Lora(r=4), present(LORA.target_modules))
    )
    assert seen["examples"] == 3 * 4 * 2 and trainer.state.global_step == 3
    assert 0 < seen["completion_tokens"] < seen["tokens"]


def test_the_trainable_parameters_of_llama_3_8b() -> None:
    """r 16 on the seven projections of Llama 3 8B trains 41,943,040 parameters, counted on the shapes without weights."""
    import torch
    from transformers import AutoModelForCausalLM, LlamaConfig

    config = LlamaConfig(
        vocab_size=128_256,
        hidden_size=4096,
        intermediate_size=14_336,
        num_hidden_layers=32,
        num_attention_heads=32,
        num_key_value_heads=8,
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert expected_trainable(model, Lora(r=16), list(SEVEN_PROJECTIONS)) == 41_943_040


def test_target_modules_that_the_base_lacks_are_refused() -> None:
    with pytest.raises(UserError, match=r"ns/base@bbbbbbbbbbbb has no layers named w1; it has .*q_proj"):
        require_lora_targets(make_base(400), Lora(target_modules=["q_proj", "w1"]), BASE)


def test_verify_accepts_the_defaults_that_peft_writes() -> None:
    """If a new version of PEFT has another default, model_card.verification.level_card.files.adapter must list it."""
    from peft import LoraConfig

    from model_card.verification.level_card.files.adapter import BY_RECORD, INERT, SET, is_default

    written = LoraConfig(task_type="CAUSAL_LM", inference_mode=True).to_dict()
    assert {
        key: value
        for key, value in written.items()
        if key not in (*SET, *BY_RECORD) and not is_default(value, INERT.get(key))
    } == {}
    assert all(
        written[key] in allowed or getattr(written[key], "value", None) in allowed for key, allowed in SET.items()
    )
