"""Dequantised weights of a 4-bit base equal those that bitsandbytes uses in training."""

import pytest
import torch

from tests.tiny_world import make_base, train_tokenizer
from titlecraft.models.adapter.probe import probe_logits


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer()


@pytest.mark.parametrize("double", [True, False])
def test_dequantised_weights_equal_those_of_training(tmp_path, tokenizer, double: bool) -> None:
    """Compared layer by layer with bitsandbytes' product in training mode, and for the whole model."""
    from bitsandbytes.nn.modules import Linear4bit
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig

    from titlecraft.models.adapter.load import dequantise
    from titlecraft.models.base.model import four_bit_fault, keep_four_bit_layers_as_they_are

    if fault := four_bit_fault():
        pytest.skip(fault)
    make_base(len(tokenizer)).save_pretrained(tmp_path)
    four_bit = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=double,
        bnb_4bit_compute_dtype=torch.float32,
    )
    model = AutoModelForCausalLM.from_pretrained(tmp_path, dtype=torch.float32, quantization_config=four_bit).train()
    inputs = torch.randn(3, 64, generator=torch.Generator().manual_seed(0))
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, Linear4bit)}
    trained_on = {name: layer(inputs[:, :1].expand(3, layer.in_features)).detach() for name, layer in layers.items()}
    keep_four_bit_layers_as_they_are(model)
    full = probe_logits(model)
    assert layers and dequantise(model, "float32").holds
    for name, expected in trained_on.items():
        layer = model.get_submodule(name)
        assert type(layer) is torch.nn.Linear and layer.weight.dtype == torch.float32
        torch.testing.assert_close(layer(inputs[:, :1].expand(3, layer.in_features)), expected, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(probe_logits(model.eval()), full, rtol=1e-5, atol=1e-5)
