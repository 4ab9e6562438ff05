"""The trained weights at the best step, in main memory and in every checkpoint."""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

BEST_WEIGHTS = "best_adapter.safetensors"  # in a checkpoint whose own weights are not the best ones


class BestWeights:
    """An exact copy of a model's trainable weights, on the CPU."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.tensors: dict[str, torch.Tensor] = {}

    def trainable(self) -> dict[str, torch.nn.Parameter]:
        """The model's trainable weights by name."""
        return {name: weight for name, weight in self.model.named_parameters() if weight.requires_grad}

    def take(self) -> None:
        """Copy the model's weights."""
        self.tensors = {name: weight.detach().to("cpu", copy=True) for name, weight in self.trainable().items()}

    @torch.no_grad()
    def put_back(self) -> None:
        """Copy the stored weights into the model."""
        for name, weight in self.trainable().items():
            weight.copy_(self.tensors[name])

    def write(self, folder: Path) -> None:
        """Write the copy into the folder of a checkpoint."""
        save_file({name: tensor.contiguous() for name, tensor in self.tensors.items()}, folder / BEST_WEIGHTS)

    def read(self, folder: Path) -> None:
        """Read the best weights of a checkpoint. A checkpoint without that file is itself the best; the model has its weights."""
        file = folder / BEST_WEIGHTS
        if file.is_file():
            self.tensors = load_file(file)
        else:
            self.take()
