"""RMS normalisation (Zhang & Sennrich 2019) with a frozen weight as one operation, for training on a CPU.

transformers computes it in six operations, and autograd keeps the result of most of them. On a CPU each is a pass over memory.
"""

from types import MethodType
from typing import Any

import torch

CLOSE = 1e-5  # of float32 outputs of about 1


class FrozenRMSNorm(torch.autograd.Function):
    """y = w · x / √(mean(x²) + ε) over the last dimension, with w frozen."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
        """The normalised x, of the same shape."""
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = norm.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()
        ctx.save_for_backward(x, weight, scale)
        return (x * scale).mul_(weight)

    @staticmethod
    def backward(ctx: Any, dy: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """The gradient of x. The weight is frozen and has none."""
        x, weight, scale = ctx.saved_tensors
        dx = dy * weight
        along = torch.linalg.vecdot(dx, x).unsqueeze(-1).mul_(scale.pow(3)).div_(-x.shape[-1])
        return dx.mul_(scale).addcmul_(x, along), None, None


def fuse_norms(model: Any) -> int:
    """Replace the forward pass of every frozen RMS norm in float32; returns their number. `unfuse_norms` undoes it."""
    norms = [module for module in model.modules() if is_frozen_rms_norm(module)]
    for norm in norms:
        norm.forward = MethodType(fused_norm, norm)
    return len(norms)


def unfuse_norms(model: Any) -> None:
    """Restore the forward passes that `fuse_norms` replaced."""
    for module in model.modules():
        if getattr(module.__dict__.get("forward"), "__func__", None) is fused_norm:
            del module.forward


def fused_norm(norm: Any, hidden_states: torch.Tensor) -> torch.Tensor:
    """Forward pass of a norm."""
    return FrozenRMSNorm.apply(hidden_states, norm.weight, norm.variance_epsilon)


def is_frozen_rms_norm(module: Any) -> bool:
    """Whether a module is named an RMS norm and gives this file's result for random inputs; some families add 1 to the weight."""
    weight, epsilon = getattr(module, "weight", None), getattr(module, "variance_epsilon", None)
    if not type(module).__name__.endswith("RMSNorm") or weight is None or epsilon is None:
        return False
    if weight.dtype != torch.float32 or weight.requires_grad or weight.device.type != "cpu":
        return False
    x = torch.randn(2, *weight.shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return torch.allclose(module(x), FrozenRMSNorm.apply(x, weight, epsilon), rtol=CLOSE, atol=CLOSE)
