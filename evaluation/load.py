"""The model that is measured: the base as the adapter was trained on it, and the adapter on top, both at their pins."""

from dataclasses import dataclass
from typing import Any

from evaluation.guards import check_adapter, guard, probe_logits
from evaluation.inputs import Inputs
from titlecraft.base_model import LoadedBase, load_base
from titlecraft.errors import UserError
from titlecraft.hub import hub_errors
from titlecraft.records import Check

CLOSE = 1e-4  # relative to the largest logit: float32 sums in another order, over a few dozen layers


@dataclass(frozen=True)
class Loaded:
    """One PeftModel in eval mode: adapter on is "after", adapter off (disable_adapter) is "before"."""

    model: Any
    tokenizer: Any
    base: LoadedBase
    checks: list[Check]

    @property
    def context(self) -> int:
        """Most tokens that the model has positions for."""
        return int(self.model.get_base_model().config.max_position_embeddings)


def load(inputs: Inputs) -> Loaded:
    """Load base and adapter. Raises UserError where 4-bit weights were trained on and this machine has none."""
    from peft import PeftModel

    base = load_base(inputs.training.base, inputs.training.quantization, inputs.training.precision)
    checks = []
    if base.quantization == "nf4" and base.model.device.type == "cpu":
        checks.append(dequantise(base.model))
    if base.quantization != inputs.training.quantization:
        raise UserError(
            f"the adapter was trained on a {inputs.training.quantization} base, which this machine cannot load: "
            f"{base.quantization_note} Evaluate where 4-bit weights work"
        )
    bare = probe_logits(base.model)
    with hub_errors(f"loading {inputs.adapter}", inputs.adapter.repo, "model"):
        # Not AutoModel.from_pretrained(adapter, revision=…): that applies the adapter's commit to the base.
        model = PeftModel.from_pretrained(base.model, inputs.adapter.repo, revision=inputs.adapter.revision)
    checks += check_adapter(model.eval(), bare)
    return Loaded(model, base.tokenizer, base, checks)


def dequantise(model: Any) -> Check:
    """Replace 4-bit layers by float32 layers that hold the same weights; return the proof that they do.

    On a CPU bitsandbytes dequantises every layer anew in every forward pass, which is most of the time of a decoding
    step. (transformers' own model.dequantize() goes through bfloat16, and those are other weights than the adapter was
    trained against; so does bitsandbytes' own layout for CPUs, see titlecraft.base_model.)
    """
    import torch
    from bitsandbytes.functional import dequantize_4bit
    from bitsandbytes.nn import Linear4bit

    trained_on = probe_logits(model)
    for name, layer in list(model.named_modules()):
        if isinstance(layer, Linear4bit):
            full = torch.nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None, device="meta")
            weight = dequantize_4bit(layer.weight.data, layer.weight.quant_state).to(torch.float32)
            full.weight = torch.nn.Parameter(weight, requires_grad=False)
            full.bias = layer.bias
            model.set_submodule(name, full)
    model.is_quantized = model.is_loaded_in_4bit = False  # else PEFT would look for 4-bit layers
    same = float((trained_on - probe_logits(model)).abs().max() / trained_on.abs().max())
    return guard(
        "float32 copies of the 4-bit weights give the logits that the adapter was trained against",
        f"largest difference at most {CLOSE:g} of the largest logit", "within it" if same <= CLOSE else f"{same:.2g}",
        same <= CLOSE, "please report this machine's CPU",
    )  # fmt: skip
