"""Opens the fastest decoder that supports a loaded model, after comparing its logits with the model's own."""

import sys
from contextlib import suppress
from typing import Any

import torch

from titlecraft.models.adapter.load import Loaded
from titlecraft.models.adapter.probe import PROBE
from titlecraft.models.adapter.switch import adapter_layers, switched
from titlecraft.models.decoding.decoder import Decoder
from titlecraft.models.decoding.families import fault_of
from titlecraft.models.decoding.network import Cache, Network
from titlecraft.models.decoding.ops import TorchOps
from titlecraft.models.decoding.plain import PlainDecoder
from titlecraft.models.decoding.request import ARMS
from titlecraft.models.decoding.static import StaticDecoder
from titlecraft.process.out_of_memory import is_out_of_memory

# of the largest logit: 32 layers of random weights in bfloat16 were 0.06 apart on an H200, rounded in another order
CLOSE = {"float32": 1e-4, "float16": 0.03, "bfloat16": 0.15}
LENGTHS = (9, len(PROBE) - 1)  # of the prompts that are compared


def open_decoder(loaded: Loaded, rows: int) -> Decoder:
    """Return a decoder of a loaded model for batches of `rows` answers. Prints the reason if transformers has to decode."""
    fault = fault_of(loaded.model, loaded.context)
    network = None
    if fault is None:
        try:
            network = network_of(loaded.model, loaded.context)
            fault = difference(network, loaded.model)
        except Exception as error:  # such as a GPU or a machine on which Triton cannot compile
            if is_out_of_memory(error):
                raise
            fault = f"the fast decoder does not run on this machine ({type(error).__name__}: {error})".splitlines()[0]
    if network is not None and fault is None:
        how = "one CUDA graph a step" if network.device.type == "cuda" else "a static cache"
        return StaticDecoder(network, rows, loaded.context, f"decoding with {how}")
    print(f"transformers decodes, which is slower: {fault}", file=sys.stderr, flush=True)
    return PlainDecoder(
        loaded.model, loaded.tokenizer, rows, compiles=loaded.compiles, zeroed_is_base=loaded.zeroed_is_base
    )


def network_of(model: Any, context: int) -> Network:
    """Return the static forward pass of a supported model; on a GPU with Triton it uses the kernels of `kernels.py`."""
    ops, on_gpu = TorchOps(), model.device.type == "cuda"
    if on_gpu:
        with suppress(ImportError):  # no Triton: torch's operations
            from titlecraft.models.decoding.kernels import TritonOps

            ops = TritonOps()
    return Network(model, context, ops, together=on_gpu)


def difference(network: Network, model: Any) -> str | None:
    """Compare logits with those of the model's own forward pass, for two prompts and one more token, in each arm.

    Returns a message with the largest relative difference, or None if it is within CLOSE.
    """
    device, layers = network.device, adapter_layers(model)
    ids = torch.tensor([PROBE[:-1]] * 2, device=device)
    lengths, rows = torch.tensor(LENGTHS, device=device), torch.arange(2, device=device)
    cache, worst = Cache(network, 2, len(PROBE)), 0.0
    allowed = CLOSE[str(network.dtype).removeprefix("torch.")]
    for arm in ARMS:
        with torch.no_grad(), switched(layers, enabled=arm == "tuned"):
            own = model(input_ids=torch.tensor([PROBE], device=device), use_cache=False).logits[0]
            after = network.prefill(ids, lengths, rows, cache, arm), own[lengths - 1]
            tokens = torch.tensor([PROBE[length] for length in LENGTHS], device=device)
            further = network.step(tokens, lengths, cache, arm, len(PROBE)), own[lengths]
        for found, expected in (after, further):
            apart = float((found.float() - expected.float()).abs().max() / expected.float().abs().max())
            worst = max(worst, apart) if apart == apart else float("inf")
    if worst <= allowed:
        return None
    return (
        f"the fast decoder's logits are {worst:.2g} of the largest from the model's own, at most {allowed:g} expected"
    )
