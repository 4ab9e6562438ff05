"""A forward pass in eval mode before training must not change the gradients of training on a 4-bit base."""

from pathlib import Path

import pytest
import torch

from tests.tiny_world import add_adapter, make_base
from titlecraft.models.base.model import four_bit_fault, keep_four_bit_layers_as_they_are

TOKENS = torch.arange(5, 60)[None]


def gradients(folder: Path, look_first: bool) -> dict[str, torch.Tensor]:
    """Gradients of a LoRA adapter on the 4-bit base, after an eval-mode forward pass or without one."""
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    four_bit = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.float32,
    )
    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, quantization_config=four_bit)
    keep_four_bit_layers_as_they_are(base)
    if look_first:
        with torch.no_grad():
            base.eval()(TOKENS)
    model = add_adapter(base).train()
    model(TOKENS, labels=TOKENS).loss.backward()
    return {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_an_eval_forward_pass_does_not_change_the_gradients(tmp_path: Path) -> None:
    if fault := four_bit_fault():
        pytest.skip(fault)
    make_base(400).save_pretrained(tmp_path)
    plain, looked = gradients(tmp_path, look_first=False), gradients(tmp_path, look_first=True)
    assert plain.keys() == looked.keys() and plain
    for name, gradient in plain.items():
        assert torch.equal(gradient, looked[name]), name
