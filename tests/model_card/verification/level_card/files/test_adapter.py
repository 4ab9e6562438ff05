"""The keys of adapter_config.json and the tensors against the training record."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from model_card.verification.level_card.files.adapter import verify_adapter
from tests.model_card.verification.level_card.literal_repos import (
    CONFIG,
    Change,
    adapter,
    config,
    layers,
    tensors,
    write_file,
    wrong,
)


@pytest.mark.parametrize(
    "change",
    [
        config(alpha_pattern={"q_proj": 80}),
        config(rank_pattern={"q_proj": 8}),
        config(use_rslora=True),
        config(use_dora=True),
        config(modules_to_save=["lm_head"]),
        config(layers_to_transform=[0]),
        config(exclude_modules=["q_proj"]),
        config(bias="all"),
        config(init_lora_weights="pissa"),
        config(init_lora_weights=1),
        config(fan_in_fan_out=True),
        config(peft_type="IA3"),
        config(task_type="SEQ_CLS"),
        config(auto_mapping={"base_model_class": "X", "parent_library": "x"}),
        config(something_new=3),
        config(layer_replication=[[0, 1]]),
        config(trainable_token_indices=[1]),
        config(lora_bias=True),
        config(megatron_core="x"),
        write_file("adapter_config.json", json.dumps(CONFIG)[:-1] + ', "use_dora": true}'),
        write_file("adapter_config.json", "["),
        write_file("adapter_config.json", "[" * 100_000),
    ],
)
def test_a_key_that_training_does_not_set_is_refused(tmp_path: Path, change: Change) -> None:
    assert len(wrong(verify_adapter(adapter(tmp_path, change)))) == 1


@pytest.mark.parametrize("transposed", [True, False])
def test_fan_in_fan_out_may_be_set_for_transposed_layers(tmp_path: Path, transposed: bool) -> None:
    change = config(fan_in_fan_out=transposed, target_modules=["c_attn"])
    assert wrong(verify_adapter(adapter(tmp_path, change, ("c_attn",)))) == []


def test_auto_mapping_may_name_a_class_of_transformers(tmp_path: Path) -> None:
    mapping = {"base_model_class": "LlamaForCausalLM", "parent_library": "transformers.models.llama.modeling_llama"}
    assert wrong(verify_adapter(adapter(tmp_path, config(auto_mapping=mapping, exclude_modules=None)))) == []


def raw(header: bytes, length: int | None = None, body: bytes = b"") -> Change:
    data = struct.pack("<Q", len(header) if length is None else length) + header + body

    def change(folder: Path) -> None:
        (folder / "adapter_model.safetensors").write_bytes(data)

    return change


def append_byte(folder: Path) -> None:
    file = folder / "adapter_model.safetensors"
    file.write_bytes(file.read_bytes() + b"x")


@pytest.mark.parametrize(
    "change",
    [
        tensors(base_model__lm_head__weight=np.ones((16, 4), np.float32)),
        tensors(base_model__model__layers__0__k_proj__lora_A__weight=np.ones((4, 16), np.float32)),
        tensors(base_model__model__layers__0__self_attn__q_proj__lora_A__weight=np.ones((8, 16), np.float32)),
        tensors(base_model__model__layers__0__self_attn__q_proj__lora_A__weight=np.full((4, 16), np.nan, np.float32)),
        tensors(base_model__model__layers__0__self_attn__q_proj__lora_A__weight=np.full((4, 16), np.inf, np.float16)),
        tensors(base_model__model__layers__0__self_attn__q_proj__lora_magnitude_vector__weight=np.ones(16, np.float32)),
        lambda folder: save_file(layers("self_attn.q_proj"), folder / "adapter_model.safetensors"),
        append_byte,
        raw(b"{}", 1 << 62),
        raw(b"[" * 50_000),
        raw(b"{}"),
        raw(b""),
        raw(b'{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 400]}}'),
        raw(b'{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [4, 0]}}'),
    ],
)
def test_tensors_that_differ_from_the_record_are_refused(tmp_path: Path, change: Change) -> None:
    assert wrong(verify_adapter(adapter(tmp_path, change)))
