"""The model that is measured: the base as the adapter was trained on it, and the adapter on top, both at their pins."""

from dataclasses import dataclass
from typing import Any

from evaluation.guards import check_adapter, check_probe_scores, guard, probe_logits
from evaluation.inputs import Adapter
from evaluation.silenced import is_base_when_silenced
from titlecraft.base_model import LoadedBase, load_base
from titlecraft.errors import UserError
from titlecraft.four_bit import unpack_four_bit
from titlecraft.hub import hub_errors
from titlecraft.records import Check

CLOSE = {
    "float32": 1e-4,
    "bfloat16": 0.05,
    "float16": 0.01,
}  # of the largest logit: sums in another order, over all layers
SPARE = 0.35  # share of a GPU's memory that unpacked weights must leave for the batches


@dataclass(frozen=True)
class Loaded:
    """One PeftModel in eval mode: adapter on is "after", adapter off (disable_adapter) is "before".

    `silences`: an update of zero gives the base too, bit for bit; looked at on a GPU only.
    """

    model: Any
    tokenizer: Any
    base: LoadedBase
    checks: list[Check]
    silences: bool = False

    @property
    def compiles(self) -> bool:
        """Decoding steps can be compiled: on a GPU, and with no 4-bit layers in them."""
        whole = self.model.get_base_model()
        return whole.device.type == "cuda" and not getattr(whole, "is_loaded_in_4bit", False)

    @property
    def context(self) -> int:
        """Most tokens that the model has positions for."""
        return int(self.model.get_base_model().config.max_position_embeddings)


def load(inputs: Adapter, unpack: bool = False) -> Loaded:
    """Load base and adapter. Raises UserError where 4-bit weights were trained on and this machine has none.

    `unpack` replaces 4-bit layers by plain ones even where that takes memory from the batches.
    """
    from peft import PeftModel

    base = load_base(inputs.training.base, inputs.training.quantization, inputs.training.precision)
    checks = []
    if base.quantization == "nf4" and (unpack or worth_unpacking(base.model)):
        checks.append(dequantise(base.model, base.precision))
    if base.quantization != inputs.training.quantization:
        raise UserError(
            f"the adapter was trained on a {inputs.training.quantization} base, which this machine cannot load: "
            f"{base.quantization_note} Evaluate where 4-bit weights work"
        )
    bare = probe_logits(base.model)
    with hub_errors(f"loading {inputs.adapter}", inputs.adapter.repo, "model"):
        # Not AutoModel.from_pretrained(adapter, revision=…): that applies the adapter's commit to the base.
        model = PeftModel.from_pretrained(base.model, inputs.adapter.repo, revision=inputs.adapter.revision)
    for parameter in model.parameters():  # PEFT loads adapters in float32, and would compute each of them there
        if parameter.dtype.is_floating_point and parameter.dtype != base.model.dtype:
            parameter.data = parameter.data.to(base.model.dtype)
    checks += check_adapter(model.eval(), bare)
    with_gpu = base.model.device.type == "cuda" and not getattr(base.model, "is_loaded_in_4bit", False)
    checks.append(check_probe_scores(model, base.tokenizer.pad_token_id or 0, with_gpu))
    silences = base.model.device.type == "cuda" and is_base_when_silenced(model, bare)
    if silences:
        name = "an update of zero gives back the base, so that both arms generate by one compiled step"
        checks.append(
            Check(name=name, expected="logits equal to the bare base's, bit for bit", found="equal", holds=True)
        )
    return Loaded(model, base.tokenizer, base, checks, silences)


def worth_unpacking(model: Any) -> bool:
    """On a CPU always; on a GPU where the unpacked weights leave SPARE of the memory that this process may have."""
    import torch

    if model.device.type != "cuda":
        return True
    free, total = torch.cuda.mem_get_info()
    allowed = torch.cuda.get_per_process_memory_fraction() * total
    free, total = min(free, allowed - torch.cuda.memory_reserved()), min(total, allowed)
    packed = sum(one.numel() for one in model.parameters() if hasattr(one, "quant_state"))  # two weights in a byte
    return free - 2 * packed * model.dtype.itemsize > SPARE * total


def dequantise(model: Any, precision: str) -> Check:
    """Replace 4-bit layers by plain layers of this precision that hold the same weights; return the proof that they do.

    bitsandbytes dequantises every layer anew in every forward pass, which is most of the time of a decoding step on a CPU,
    and keeps a GPU's from being compiled. The weights are those that the adapter was trained against, in the precision
    that it was trained in.
    """
    trained_on = probe_logits(model)
    unpack_four_bit(model, precision)
    same = float((trained_on - probe_logits(model)).abs().max() / trained_on.abs().max())
    close = CLOSE[precision]
    return guard(
        f"{precision} copies of the 4-bit weights give the logits that the adapter was trained against",
        f"largest difference at most {close:g} of the largest logit", "within it" if same <= close else f"{same:.2g}",
        same <= close, "please report this machine's CPU",
    )  # fmt: skip
