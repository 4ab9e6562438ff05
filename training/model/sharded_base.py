"""A frozen base that is shared out between the processes of a training, for bases that do not fit one GPU: FSDP2 for the base
(Zhao et al. 2023; torch's fully_shard), DDP for the adapter, which every process has whole, as without.

A decoder layer's weights are gathered for the time that it computes, forwards and backwards, and given back. They are the
same weights in the same order of computation, so the adapter is that of a training that is not shared out, bit for bit.
"""

from typing import Any

from titlecraft.errors import UserError
from titlecraft.process import distributed


def shard_base(model: Any) -> tuple[int, int]:
    """Share out the decoder layers of a PeftModel whose base is on the CPU, and move what is left to this process's GPU.

    All processes have to call it, and from then on to compute forward passes together. Embeddings and head stay whole in each.
    Returns the bytes of the base's layers, in this process and in all. Raises UserError where the model does not name them.
    """
    import torch
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.tensor import DTensor
    from torch.nn.parallel import DistributedDataParallel

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
        layer.to(device)  # one at a time: the whole base may not fit
        own = {parameter for parameter in layer.parameters() if parameter.requires_grad}
        fully_shard(layer, mesh=mesh, reshard_after_forward=True, ignored_params=own)
    model.to(device)
    model.get_base_model().hf_device_map = {"": device.index if on_gpu else "cpu"}  # accelerate asks it
    shared = {name: parameter for name, parameter in model.named_parameters() if isinstance(parameter, DTensor)}
    DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, list(shared))
    return sum(one.to_local().nbytes for one in shared.values()), sum(one.nbytes for one in shared.values())


def unwrap_4bit_weights(layer: Any, device: Any) -> None:
    """Make the 4-bit weights below a module plain bytes, which can be cut; their scales stay with their layer, whole.

    bitsandbytes puts both together again before it computes (its fix_4bit_weight_quant_state_from_module).
    """
    import torch
    from bitsandbytes.nn import Linear4bit

    for module in layer.modules():
        if isinstance(module, Linear4bit):
            module.quant_state = module.weight.quant_state
            module.quant_state.to(device)
            plain = module.weight.data.as_subclass(torch.Tensor)
            module.weight = torch.nn.Parameter(plain, requires_grad=False)
