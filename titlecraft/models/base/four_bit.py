"""Dequantised weights of 4-bit and 8-bit layers, bit for bit the same in training, evaluation and export."""

from typing import Any

# per weight: 4, and for each 64 an 8-bit scale, and for each 256 scales a float32 (Dettmers et al. 2023, 3)
NF4_BITS = 4.127
# with their scales; fp4 is usually published with float32 ones
WEIGHT_BITS = {
    "nf4": NF4_BITS,
    "fp4": 4.5,
    "int8": 8.01,
}
PACKED = ("Linear4bit", "Linear8bitLt")


def frozen_weight(layer: Any, dtype: Any) -> Any:
    """Return the layer's weight in this torch.dtype, of shape (out, in), dequantised if needed.

    For 4-bit layers it is the weight of the forward pass; 8-bit layers also round their inputs (LLM.int8, Dettmers et
    al. 2022). transformers' model.dequantize() always goes through bfloat16, and so does bitsandbytes' layout for CPUs,
    see titlecraft.models.base.model.
    """
    # a sharded weight has lost its scales, which its layer keeps; its bytes may be stored as other numbers
    state = getattr(layer.weight, "quant_state", None) or getattr(layer, "quant_state", None)
    if state is not None:
        import torch
        from bitsandbytes.functional import dequantize_4bit

        return dequantize_4bit(layer.weight.data.view(torch.uint8), state).to(dtype)
    if type(layer).__name__ == "Linear8bitLt":
        return eight_bit_weight(layer).to(dtype)
    return layer.weight.to(dtype)


def eight_bit_weight(layer: Any) -> Any:
    """Return the float32 weight of a bitsandbytes 8-bit layer: int8 codes times the row's scale, over 127."""
    from bitsandbytes.functional import int8_vectorwise_dequant

    # bitsandbytes moves codes and scales from the parameter to the layer's state when it first computes
    codes = layer.weight.data if layer.state.CB is None else layer.state.CB
    scales = layer.weight.SCB if layer.state.SCB is None else layer.state.SCB
    if codes.dtype.is_floating_point:  # not packed yet
        return codes.float()
    return int8_vectorwise_dequant(codes, scales.to(codes.device))


def unpack_four_bit(model: Any, precision: str) -> int:
    """Replace 4-bit and 8-bit layers by layers of this precision with the same weights; return their number.

    GPT-2's Conv1D layers, which bitsandbytes stores as linear layers, stay linear until `restore_conv1d`.
    """
    import torch

    layers = [(name, layer) for name, layer in model.named_modules() if type(layer).__name__ in PACKED]
    for name, layer in layers:
        full: Any = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
        weight = frozen_weight(layer, getattr(torch, precision))
        full.weight = torch.nn.Parameter(weight, requires_grad=False)
        full.bias = layer.bias
        full.source_cls = getattr(layer, "source_cls", torch.nn.Linear)
        model.set_submodule(name, full)
    forget_quantisation(model)
    return len(layers)


def forget_quantisation(model: Any) -> None:
    """Remove the marks of quantisation from a model, which PEFT, generate() and save_pretrained() would act on."""
    # otherwise PEFT would look for packed layers, and generate() would not compile
    model.is_quantized = model.is_loaded_in_4bit = model.is_loaded_in_8bit = False
    model.hf_quantizer = None
    # what the loader did to the files of a base that was published packed; saving would undo it, and cannot
    conversions = [
        conversion for conversion in getattr(model, "_weight_conversions", None) or () if not packs(conversion)
    ]
    if hasattr(model, "_weight_conversions"):
        model._weight_conversions = conversions
    for name in ("quantization_method", "is_4bit_serializable", "is_8bit_serializable"):
        if name in model.__dict__:
            delattr(model, name)
    if hasattr(getattr(model, "config", None), "quantization_config"):
        del model.config.quantization_config


def packs(conversion: Any) -> bool:
    """Whether a conversion of the loader quantises or dequantises bitsandbytes weights."""
    return any(type(operation).__name__.startswith("Bnb") for operation in getattr(conversion, "operations", ()))


def restore_conv1d(model: Any) -> int:
    """Convert layers that `unpack_four_bit` made of GPT-2's Conv1D back in place; return their number."""
    import torch
    from transformers.pytorch_utils import Conv1D

    layers = [(name, layer) for name, layer in model.named_modules() if getattr(layer, "source_cls", None) is Conv1D]
    for name, layer in layers:
        with torch.device("meta"):
            own = Conv1D(layer.out_features, layer.in_features)
        own.weight = torch.nn.Parameter(layer.weight.data.t().contiguous(), requires_grad=False)
        own.bias = layer.bias
        model.set_submodule(name, own)
    return len(layers)
