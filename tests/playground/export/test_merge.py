"""Merged weights equal the expected ones bit for bit; wrong merges, programs and files are rejected."""

import struct
from pathlib import Path
from typing import Any

import pytest
import torch

from playground.export.gguf_header import read_header, set_add_bos
from playground.export.llama_cpp import find_tools
from playground.export.merge import merge
from playground.export.merge_check import Scores, compare
from playground.export.options import ExportOptions, types_of
from tests.tiny_world import add_adapter, make_base
from titlecraft.errors import UserError


def test_dequantised_weights_equal_those_of_the_forward_pass_bit_for_bit() -> None:
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn.modules import Linear4bit

    from titlecraft.models.base.four_bit import frozen_weight, unpack_four_bit
    from titlecraft.models.base.model import four_bit_fault

    if fault := four_bit_fault():
        pytest.skip(fault)
    torch.manual_seed(0)
    packed: Any = Linear4bit(64, 32, bias=True, compute_dtype=torch.float32, quant_type="nf4").to("cpu")
    expected = dequantize_4bit(packed.weight.data, packed.weight.quant_state)
    model = torch.nn.Sequential(packed, torch.nn.Linear(32, 8))
    assert torch.equal(frozen_weight(packed, torch.bfloat16), expected.to(torch.bfloat16))
    assert unpack_four_bit(model, "bfloat16") == 1
    layer = model[0]
    assert type(layer) is torch.nn.Linear and torch.equal(layer.weight, expected.to(torch.bfloat16))
    assert layer.bias is packed.bias


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_the_update_is_added_in_float32_and_rounded_once(dtype: torch.dtype) -> None:
    base = make_base(400).to(dtype)
    model = add_adapter(base)
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.float()
    layer = base.model.layers[1].mlp.down_proj
    update = 2.0 * (layer.lora_B["default"].weight @ layer.lora_A["default"].weight)  # alpha 8 / r 4
    expected = (layer.base_layer.weight.float() + update).to(dtype)
    assert not torch.equal(expected, layer.base_layer.weight)
    untouched = base.lm_head.weight.clone()
    merged = merge(model)
    assert torch.equal(merged.model.layers[1].mlp.down_proj.weight, expected)
    assert torch.equal(merged.lm_head.weight, untouched)
    assert not any("lora" in name for name, _ in merged.named_parameters())


def test_a_merge_that_changed_the_model_is_refused() -> None:
    logits = torch.tensor([[1.0, -4.0], [0.5, 2.0]])
    before = Scores(nll=[2.0, 4.0], base=[3.0, 5.0], logits=logits)
    check = compare(before, Scores([2.0001, 4.0], None, logits + 0.25), "float32", seed=7)
    assert check.difference == pytest.approx(5e-5) and (check.nll_base, check.nll_adapter) == (4.0, 3.0)
    assert (check.titles, check.positions) == (2, 2)
    assert (check.largest_logit_difference, check.largest_logit) == (0.25, 4.0)
    with pytest.raises(
        UserError, match=r"the merged model differs from base and adapter: \+0.005 nats .* at most 0.0001 in float32"
    ):
        compare(before, Scores([2.01, 4.0], None, logits), "float32", seed=7)
    assert compare(before, Scores([2.009, 4.0], None, logits), "bfloat16", seed=7).tolerance == 0.005
    with pytest.raises(UserError, match="nan nats"):
        compare(before, Scores([float("nan"), 4.0], None, logits), "bfloat16", seed=7)


def test_programs_are_found_or_the_error_explains_how_to_install_them(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(UserError, match=r"not on the PATH, and LLAMA_CPP is not set: `git clone .*--llama-cpp DIR"):
        tools_for(None, "q8_0")
    script = tmp_path / "convert_hf_to_gguf.py"
    script.write_text("print()")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert tools_for(None, "q8_0").script == script
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path / "elsewhere"))
    with pytest.raises(UserError, match=r"elsewhere has no convert_hf_to_gguf\.py"):
        tools_for(None, "q8_0")
    assert tools_for(tmp_path, "f16").quantiser is None
    with pytest.raises(UserError, match=r"--quantize q4_k_m needs llama\.cpp's program llama-quantize"):
        tools_for(tmp_path, "q4_k_m")
    with pytest.raises(UserError, match=r"--quantize 'q9': expected one or more of f32, f16, bf16, q8_0, q4_0"):
        tools_for(tmp_path, "q9")
    (tmp_path / "build" / "bin").mkdir(parents=True)
    (tmp_path / "build" / "bin" / "llama-quantize").write_text("")
    assert tools_for(tmp_path, "q4_k_m").quantiser == tmp_path / "build" / "bin" / "llama-quantize"


def tools_for(folder: Path | None, types: str, rows: int = 0) -> Any:
    return find_tools(ExportOptions("gguf", types_of(types), 30, 7, str(folder) if folder else None, False, rows))


def test_files_that_are_not_gguf_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    name = b"tokenizer.ggml.add_bos_token"
    array = struct.pack("<Q", 1) + b"a" + struct.pack("<IIQ", 9, 8, 2) + 2 * (struct.pack("<Q", 2) + b"xy")
    flag = struct.pack("<Q", len(name)) + name + struct.pack("<I?", 7, False)
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 21, 2) + array + flag + b"rest")
    assert read_header(file).counts() == (3, 21, 2) and read_header(file).values == {"a": 2, name.decode(): False}
    before = file.read_bytes()
    set_add_bos(file, add=True)
    assert read_header(file).values[name.decode()] is True
    assert [new - old for new, old in zip(file.read_bytes(), before, strict=True) if new != old] == [1]
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 21, 2) + array)
    with pytest.raises(UserError, match=r"model\.gguf has damaged metadata"):
        read_header(file)
    file.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 21, 1) + array)
    with pytest.raises(UserError, match=r"does not say whether a text begins with BOS.*update llama\.cpp"):
        set_add_bos(file, add=True)
    file.write_bytes(b"PK\x03\x04" + bytes(30))
    with pytest.raises(UserError, match=r"model\.gguf is not a GGUF file: it begins with b'PK"):
        read_header(file)
