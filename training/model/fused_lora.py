"""A frozen layer and its LoRA update as one operation, with its own backward pass.

PEFT computes `base(x) + lora_B(lora_A(dropout(x))) * scaling` as separate operations: five passes over the output, and dropout
stores a copy and a mask of each input. Here the update is added in place, the smaller factor is scaled, and elements are
dropped as they are read (dropped_product.py). The gradients are those of PEFT's formula (Hu et al. 2021).
"""

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora import LoraLayer

from titlecraft.models.base.four_bit import frozen_weight
from training.model.dropped_product import add_dropped_product_, dropped_gradient, dropped_product

SEEDS = 2**31


class FusedLora(torch.autograd.Function):
    """y = x Wᵀ + bias + s · drop(x) Aᵀ Bᵀ with W frozen; x of shape (…, in), A (r, in), B (out, r), y (…, out)."""

    @staticmethod
    def forward(
        ctx: Any, x: torch.Tensor, A: torch.Tensor, B: torch.Tensor, layer: Any, scaling: float, p: float
    ) -> torch.Tensor:
        """The layer's output. `layer` is the frozen module itself, so that 4-bit weights are unpacked only temporarily."""
        rows = x.reshape(-1, x.shape[-1]).contiguous()
        seed = int(torch.randint(SEEDS, ())) if p else 0  # from the CPU's generator, which does not wait for the GPU
        bias = None if layer.bias is None else layer.bias.to(x.dtype)
        y = torch.nn.functional.linear(rows, frozen_weight(layer, x.dtype), bias)
        h = dropped_product(rows, A.to(x.dtype), seed, p)
        y.addmm_(h, (B * scaling).to(x.dtype).t())
        ctx.save_for_backward(rows, A, B, h)
        ctx.layer, ctx.scaling, ctx.p, ctx.seed = layer, scaling, p, seed
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """Gradients of x, A and B. W is frozen and has none."""
        rows, A, B, h = ctx.saved_tensors
        dy_rows = dy.reshape(-1, dy.shape[-1]).to(rows.dtype)
        dh = dy_rows @ (B * ctx.scaling).to(rows.dtype)
        dB = (dy_rows.t() @ h).to(B.dtype).mul_(ctx.scaling)
        dA = dropped_gradient(rows, dh, ctx.seed, ctx.p).to(A.dtype)
        if not ctx.needs_input_grad[0]:
            return None, dA, dB, None, None, None
        dx = dy_rows @ frozen_weight(ctx.layer, rows.dtype)
        add_dropped_product_(dx, dh, A.to(rows.dtype), ctx.seed, ctx.p)
        return dx.view(*dy.shape[:-1], -1), dA, dB, None, None, None


def fuse_lora(model: Any) -> int:
    """Replace the forward pass of every plain LoRA layer of a PeftModel; returns their number. `unfuse_lora` undoes it."""
    layers: list[Any] = [layer for layer in model.modules() if isinstance(layer, LoraLayer) and fusible(layer)]
    for layer in layers:
        layer.forward = MethodType(fused_forward, layer)
    return len(layers)


def unfuse_lora(model: Any) -> None:
    """Restore PEFT's forward pass in every LoRA layer."""
    for layer in model.modules():
        if getattr(layer.__dict__.get("forward"), "__func__", None) is fused_forward:
            del layer.forward


def fusible(layer: Any) -> bool:
    """Whether the layer is linear and has a single plain LoRA adapter: no variant such as DoRA, and no bias."""
    base = layer.get_base_layer()
    plain = not layer.lora_variant and not any(layer.lora_bias.values())
    return (
        hasattr(base, "in_features")
        and list(layer.lora_A) == layer.active_adapters
        and len(layer.lora_A) == 1
        and plain
    )


def fused_forward(layer: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    """Forward pass of a LoRA layer; PEFT's own if the adapter is disabled or merged."""
    if layer.disable_adapters or layer.merged or args or kwargs:
        return type(layer).forward(layer, x, *args, **kwargs)
    name = layer.active_adapters[0]
    dropout = layer.lora_dropout[name]
    p = getattr(dropout, "p", 0.0) if layer.training else 0.0
    if torch.is_autocast_enabled(x.device.type):
        x = x.to(torch.get_autocast_dtype(x.device.type))
    return FusedLora.apply(
        x, layer.lora_A[name].weight, layer.lora_B[name].weight, layer.get_base_layer(), layer.scaling[name], p
    )
