"""Give every process the weights that only rank 0 has read, a few modules at a time, on the process's own device.

Rank 0 has the model in main memory and the others have it on torch's meta device, without weights. So a machine holds the base
once, whatever the number of its processes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import distributed, nn

from titlecraft.process.distributed import broadcast_from_rank0, is_rank0


@dataclass(frozen=True)
class Slot:
    """A tensor of a module as rank 0 describes it to the others.

    Args:
        module: index of the module among those that are sent.
        name: of the parameter or buffer; of a 4-bit weight's scales, the key in bitsandbytes' state.
        kind: "parameter", "buffer" or "scales".
        first: index of the tensor in the list that is sent; tied weights have the same index.
    """

    module: int
    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: torch.dtype
    first: int


def broadcast_weights(modules: Iterable[nn.Module], device: torch.device) -> None:
    """Move the tensors of these modules to `device` and give them rank 0's values; submodules are not included.

    Every rank has to call it with the same modules. `requires_grad` of the parameters does not change.
    """
    modules = list(modules)
    slots, tensors = list_tensors(modules) if is_rank0() else ([], [])
    slots = broadcast_from_rank0(slots)
    received: list[torch.Tensor] = []
    for position in range(1 + max((slot.first for slot in slots), default=-1)):
        slot = next(slot for slot in slots if slot.first == position)
        tensor = (
            tensors[position].detach().to(device).contiguous()
            if is_rank0()
            else torch.empty(slot.shape, dtype=slot.dtype, device=device)
        )
        distributed.broadcast(tensor, src=0)
        received.append(tensor)
    fill_modules(modules, slots, received, device)


def list_tensors(modules: list[nn.Module]) -> tuple[list[Slot], list[torch.Tensor]]:
    """Rank 0's tensors, each tied one once, and a slot for each parameter, buffer and scale."""
    slots: list[Slot] = []
    tensors: list[torch.Tensor] = []
    first: dict[int, int] = {}
    for index, module in enumerate(modules):
        state: Any = getattr(module, "quant_state", None)
        own = [("parameter", name, tensor) for name, tensor in module._parameters.items()]
        own += [("buffer", name, tensor) for name, tensor in module._buffers.items()]
        own += [("scales", name, tensor) for name, tensor in (state.as_dict(packed=True) if state else {}).items()]
        for kind, name, tensor in own:
            if tensor is None:
                continue
            if id(tensor) not in first:
                first[id(tensor)] = len(tensors)
                tensors.append(tensor)
            slots.append(Slot(index, name, kind, tuple(tensor.shape), tensor.dtype, first[id(tensor)]))
    return slots, tensors


def fill_modules(
    modules: list[nn.Module], slots: list[Slot], received: list[torch.Tensor], device: torch.device
) -> None:
    """Assign the received tensors to parameters, buffers and 4-bit scales of the modules, as the slots describe."""
    parameters: dict[int, nn.Parameter] = {}
    scales: dict[int, dict[str, torch.Tensor]] = {}
    for slot in slots:
        module, tensor = modules[slot.module], received[slot.first]
        if slot.kind == "scales":
            scales.setdefault(slot.module, {})[slot.name] = tensor
        elif slot.kind == "buffer":
            module._buffers[slot.name] = tensor
        else:
            trained = bool(module._parameters[slot.name].requires_grad)  # pyright: ignore[reportOptionalMemberAccess]
            module._parameters[slot.name] = parameters.setdefault(slot.first, nn.Parameter(tensor, trained))
    for index, state in scales.items():
        from bitsandbytes.functional import QuantState

        module: Any = modules[index]
        module.quant_state = QuantState.from_dict({name: value.cpu() for name, value in state.items()}, device=device)
