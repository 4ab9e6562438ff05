"""Computes linear layers with the same input, and their LoRA updates, as one matrix product.

On a GPU the weights of such a group (query, key and value, for example) are stacked in one tensor, followed by the A matrices of
their updates. One product gives the outputs of all layers and the inputs of the B matrices. The layers' weights become views of
that tensor, so no weight is stored twice and the model itself computes as before. On other devices, and with 4-bit weights, each
layer is computed alone.
"""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import linear

Use = Literal["base", "tuned"] | Tensor
"""Rows to which the LoRA update applies: none ("base"), all ("tuned"), or those with 1 in a tensor [rows, 1] of the input's dtype."""
FEW_ROWS = 8  # up to here `few_rows_product` reads 16-bit weights faster than cuBLAS


class Update:
    """The LoRA update of a layer: scaling · B A x."""

    def __init__(self, layer: Any) -> None:
        (name,) = layer.active_adapters
        self.A, self.B, self.scaling = layer.lora_A[name].weight, layer.lora_B[name].weight, layer.scaling[name]


def fault_of_layer(layer: Any) -> str | None:
    """Return why a layer with its adapter is not supported, or None."""
    base = layer
    if hasattr(layer, "base_layer"):
        base, names = layer.base_layer, getattr(layer, "active_adapters", [])
        plain = type(layer).__module__ in ("peft.tuners.lora.layer", "peft.tuners.lora.bnb") and len(names) == 1
        if not plain or layer.merged or names[0] not in getattr(layer, "lora_A", {}):
            return f"its adapter has a layer of type {type(layer).__name__}"
        if (
            getattr(layer, "lora_variant", {})
            or layer.use_dora.get(names[0])
            or layer.lora_B[names[0]].bias is not None
        ):
            return "its adapter is a variant of LoRA"
        if layer.lora_A[names[0]].weight.dtype != layer.lora_B[names[0]].weight.dtype:
            return "its adapter has weights of two precisions"
    if type(base) is torch.nn.Linear or type(base).__name__ == "Linear4bit":
        return None
    return f"it has a layer of type {type(base).__name__}"


class Products:
    """Computes one or more linear layers with the same input; the outputs are concatenated.

    Args:
        layers: supported modules (`fault_of_layer` returns None).
        together: stack the weights into one tensor, in place of the layers' own.
        few_rows_product: of `TritonOps`; None on other devices.
    """

    def __init__(self, layers: Sequence[Any], together: bool, few_rows_product: Any = None) -> None:
        self.few_rows_product = few_rows_product
        self.layers = [getattr(layer, "base_layer", layer) for layer in layers]
        self.updates = [Update(layer) if hasattr(layer, "base_layer") else None for layer in layers]
        self.sizes = [layer.out_features for layer in self.layers]
        self.width = sum(self.sizes)
        self.stacked = None
        if together and all(type(layer) is torch.nn.Linear for layer in self.layers):
            self.stack()

    def stack(self) -> None:
        """Stack weights and A matrices in one tensor, and the scaled B matrices in a block-diagonal one."""
        updates = [update for update in self.updates if update is not None]
        parts = [*(layer.weight for layer in self.layers), *(update.A for update in updates)]
        rows = sum(len(part) for part in parts)
        first = self.layers[0].weight
        stacked = first.new_zeros(-(-rows // 8) * 8, first.shape[1])
        start = 0
        for part in parts:
            stacked[start : start + len(part)] = part.data
            part.data = stacked[start : start + len(part)]
            start += len(part)
        self.stacked = stacked
        self.up = up = first.new_zeros(len(stacked) - self.width, self.width) if updates else None
        biases = [layer.bias for layer in self.layers]
        self.bias = None
        if any(bias is not None for bias in biases):
            full = [first.new_zeros(len(layer.weight)) if layer.bias is None else layer.bias for layer in self.layers]
            self.bias = torch.cat([*full, first.new_zeros(len(stacked) - self.width)])
        row = column = 0
        for update, size in zip(self.updates, self.sizes, strict=True):
            if update is not None and up is not None:
                rank = len(update.A)
                up[row : row + rank, column : column + size] = update.B.data.t() * update.scaling
                row += rank
            column += size

    def __call__(self, x: Tensor, use: Use) -> Tensor:
        """Return the outputs [rows, width] of inputs [rows, in]."""
        if self.stacked is None:
            outputs = [self.alone(number, x, use) for number in range(len(self.layers))]
            return outputs[0] if len(outputs) == 1 else torch.cat(outputs, -1)
        if self.up is None or (isinstance(use, str) and use == "base"):
            return self.product(x, self.stacked[: self.width], None if self.bias is None else self.bias[: self.width])
        out = self.product(x, self.stacked, self.bias)
        low = out[:, self.width :]
        if not isinstance(use, str):
            low = low * use
        return out[:, : self.width].addmm_(low, self.up)

    def product(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return x Wᵀ + bias."""
        few = self.few_rows_product
        if few is not None and len(x) <= FEW_ROWS and bias is None and x.dtype != torch.float32:
            return few(x, weight)
        return linear(x, weight, bias)

    def alone(self, number: int, x: Tensor, use: Use) -> Tensor:
        """Return the output of one layer, computed as PEFT does."""
        layer, update = self.layers[number], self.updates[number]
        out = layer(x)
        if update is None or (isinstance(use, str) and use == "base"):
            return out
        low = linear(x.to(update.A.dtype), update.A)
        if not isinstance(use, str):
            low = low * use
        return out + (linear(low, update.B) * update.scaling).to(out.dtype)
