"""Shards the frozen base across the processes of a training, for bases that do not fit on one GPU.

The base uses FSDP2 (Zhao et al. 2023; torch's fully_shard); the adapter uses DDP, with a full copy in every process. The weights
of a decoder layer are gathered for its forward and backward pass and freed afterwards. Weights and order of computation are
those of unsharded training, so the adapter is the same bit for bit.
"""

from collections.abc import Callable, Iterable
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.parallel import DistributedDataParallel

from titlecraft.errors import UserError
from titlecraft.process import distributed
from training.model.broadcast_weights import broadcast_weights

Fill = Callable[[Iterable[nn.Module], torch.device], None]
STORAGE = torch.bfloat16  # of packed 4-bit weights: FSDP is made for floating-point parameters


def shard_base(model: Any, fill: Fill = broadcast_weights) -> tuple[int, int]:
    """Shard the decoder layers of a PeftModel, and move everything else to this process's GPU.

    Rank 0 has the weights in main memory; the other ranks may have the model on torch's meta device. Every rank has to call
    this function, and from then on every rank has to run every forward pass. Embeddings and head are not sharded. Returns the
    bytes of the layers on this rank and on all ranks. Raises UserError if the model does not name its decoder layers.

    Args:
        fill: moves the weights of modules to a device.
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
    inside = {id(module) for layer in layers for module in layer.modules()}
    fill([module for module in model.modules() if id(module) not in inside], device)
    for layer in layers:  # one at a time, because the whole base may not fit
        unwrap_4bit_weights(layer)
        fill(layer.modules(), device)
        for module in layer.modules():
            if hasattr(module, "quant_storage"):
                module.quant_storage = module.weight.dtype  # bitsandbytes reads it
        adapter = {parameter for parameter in layer.parameters() if parameter.requires_grad}
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=adapter)
    model.get_base_model().hf_device_map = {"": device.index if on_gpu else "cpu"}  # accelerate reads it
    shared = {name: parameter for name, parameter in model.named_parameters() if isinstance(parameter, DTensor)}
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, list(shared))
    return sum(shard.to_local().nbytes for shard in shared.values()), sum(shard.nbytes for shard in shared.values())


def allow_shards_beside_ddp(accelerator: Any) -> None:
    """Make accelerate wrap a model with a sharded base in DDP.

    accelerate refuses every model that has DTensors on a GPU, also one whose DTensors DDP ignores, as `shard_base` told it. The
    model is on its device already.
    """
    prepare = accelerator.prepare_model

    def prepare_model(model: Any, device_placement: bool | None = None, evaluation_mode: bool = False) -> Any:
        with patch("accelerate.accelerator.model_has_dtensor", lambda model: False):
            return prepare(model, device_placement=False, evaluation_mode=evaluation_mode)

    accelerator.prepare_model = prepare_model


def unwrap_4bit_weights(layer: Any) -> None:
    """Turn the 4-bit weights below a module into plain parameters, which FSDP can shard; their scales stay in the module.

    The packed bytes are read as numbers of 16 bits, as bitsandbytes' `quant_storage` stores them for FSDP: FSDP of torch 2.11
    ended with an error on integers. bitsandbytes joins weights and scales again before it computes (its
    fix_4bit_weight_quant_state_from_module).
    """
    from bitsandbytes.nn.modules import Linear4bit, Params4bit

    for module in layer.modules():
        if isinstance(module, Linear4bit) and isinstance(module.weight, Params4bit):
            weight: Any = module.weight
            plain = weight.data.as_subclass(torch.Tensor)
            if weight.device.type != "meta":
                module.quant_state = weight.quant_state
                if plain.numel() % STORAGE.itemsize == 0:
                    plain = plain.view(-1).view(STORAGE).unsqueeze(1)
            module.weight = torch.nn.Parameter(plain, requires_grad=False)
