"""The layers that get an adapter where the recipe names none: all linear layers of each family, each with a gradient."""

import pytest
import torch

from tests.tiny_families import FAMILIES, make
from titlecraft.models.base.config import size_of
from titlecraft.models.base.model import LoadedBase
from titlecraft.records import Pin
from titlecraft.settings import SEVEN_PROJECTIONS, Lora, Training
from training.checks import require_gradients
from training.model.build import add_adapter
from training.model.lora_targets import expected_trainable, require_lora_targets, with_targets

BASE = Pin(type="model", repo="ns/base", revision="b" * 40)
NAMES = {
    "phi3": ["o_proj", "qkv_proj", "gate_up_proj", "down_proj"],
    "gpt2": ["c_attn", "c_proj", "c_fc"],
    "falcon": ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"],
    "bloom": ["query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h"],
    "mamba": ["in_proj", "x_proj"],
} | {family: list(SEVEN_PROJECTIONS) for family in ("llama", "mistral", "qwen3", "gemma3", "smollm3")}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains_all_of_its_linear_layers_without_editing(family: str) -> None:
    model = make(family)
    head, lora = model.get_output_embeddings(), with_targets(Lora(r=4), model)
    names = lora.target_modules or []
    require_lora_targets(model, lora, BASE)
    assert names == NAMES.get(family, names) and len(names) == len(set(names)) > 1
    linear = {
        name.rsplit(".", 1)[-1] for name, module in model.named_modules() if size_of(module) and module is not head
    }
    assert linear - set(names) <= ({"out_proj", "dt_proj"} if family == "mamba" else set())
    expected = expected_trainable(model, Lora(r=4), names)
    adapted = add_adapter(LoadedBase(model, None, "none", None, "float32"), BASE, Lora(r=4),
                          Training(backend="trl", gradient_checkpointing=False))  # fmt: skip
    assert sum(parameter.numel() for parameter in adapted.parameters() if parameter.requires_grad) == expected
    require_gradients(adapted, torch.arange(3, 35).tolist(), BASE)


def test_a_recipe_that_names_layers_is_obeyed() -> None:
    named = Lora(target_modules=["q_proj"])
    assert with_targets(named, make("llama")) is named
