"""Shard the frozen base between the processes of a training, for bases that do not fit on one GPU.

The base uses FSDP2 (Zhao et al. 2023; torch's fully_shard); the adapter uses DDP, with a full copy in every process. The weights
of a decoder layer are gathered for its forward and backward pass and freed afterwards. Weights and order of computation are
those of unsharded training, so the adapter is the same bit for bit.
"""

from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from titlecraft.errors import UserError
from titlecraft.process import distributed


def shard_base(model: Any) -> tuple[int, int]:
    """Shard the decoder layers of a PeftModel whose base is on the CPU, and move the rest to this process's GPU.

    Every rank has to call it, and has to run every forward pass from then on. Embeddings and head are not sharded. Returns the
    bytes of the layers on this rank and on all ranks. Raises UserError if the model does not name its decoder layers.
    """

    kinds = set(getattr(model.get_base_model(), "_no_split_modules", None) or ())
    layers = [module for module in model.modules() if type(module).__name__ in kinds]
    if not layers:
        raise UserError(
            f"training.shard_base: {type(model.get_base_model()).__name__} does not say what its decoder layers are "
            "(_no_split_modules), so they cannot be shared out: set --training.shard_base=false"
        )
    on_gpu = torch.cuda.is_available()
    device = torch.device("cuda", distributed.local_rank()) if on_gpu else torch.device("cpu")
    mesh = init_device_mesh(device.type, (distributed.world_size(),))
    for layer in layers:
        unwrap_4bit_weights(layer, device)
        layer.to(device)  # one at a time, because the whole base may not fit
        adapter = {parameter for parameter in layer.parameters() if parameter.requires_grad}
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=adapter)
    model.to(device)
    model.get_base_model().hf_device_map = {"": device.index if on_gpu else "cpu"}  # accelerate reads it
    shared = {name: parameter for name, parameter in model.named_parameters() if isinstance(parameter, DTensor)}
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, list(shared))
    return sum(shard.to_local().nbytes for shard in shared.values()), sum(shard.nbytes for shard in shared.values())


def unwrap_4bit_weights(layer: Any, device: Any) -> None:
    """Turn the 4-bit weights below a module into plain tensors, which FSDP can shard; their scales stay in the module.

    bitsandbytes joins both again before it computes (its fix_4bit_weight_quant_state_from_module).
    """
    from bitsandbytes.nn.modules import Linear4bit

    for module in layer.modules():
        if isinstance(module, Linear4bit):
            weight: Any = module.weight
            module.quant_state = weight.quant_state
            weight.quant_state.to(device)
            plain = module.weight.data.as_subclass(torch.Tensor)
            module.weight = torch.nn.Parameter(plain, requires_grad=False)
