"""Weights that were trained against in 4 bit, in full: one way for training, evaluation and export, and the same bits."""

from typing import Any

# per weight: 4, and for each 64 an 8-bit scale, and for each 256 scales a float32 (Dettmers et al. 2023, 3)
NF4_BITS = 4.127


def frozen_weight(layer: Any, dtype: Any) -> Any:
    """The layer's weight in this torch.dtype, of shape (out, in); unpacked where it is in 4 bit.

    It is the weight that a forward pass of the layer multiplies with. (transformers' own model.dequantize() goes through
    bfloat16 everywhere; so does bitsandbytes' own layout for CPUs, see titlecraft.base_model.)
    """
    state = getattr(layer.weight, "quant_state", None)
    if state is None:
        return layer.weight.to(dtype)
    from bitsandbytes.functional import dequantize_4bit

    return dequantize_4bit(layer.weight.data, state).to(dtype)


def unpack_four_bit(model: Any, precision: str) -> int:
    """Replace a model's 4-bit layers by plain ones of this precision with the same weights; returns how many there were."""
    import torch
    from bitsandbytes.nn import Linear4bit

    layers = [(name, layer) for name, layer in model.named_modules() if isinstance(layer, Linear4bit)]
    for name, layer in layers:
        full = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
        weight = frozen_weight(layer, getattr(torch, precision))
        full.weight = torch.nn.Parameter(weight, requires_grad=False)
        full.bias = layer.bias
        model.set_submodule(name, full)
    model.is_quantized = model.is_loaded_in_4bit = False  # else PEFT would look for 4-bit layers
    model.hf_quantizer = None  # or generate() would not compile
    return len(layers)
