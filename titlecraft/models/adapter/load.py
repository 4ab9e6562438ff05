"""Loading the evaluated model: the base as in training, with the adapter on top, both at their pins."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peft import PeftModel
from torch import Tensor

from titlecraft.errors import UserError
from titlecraft.hub.pins import download
from titlecraft.models.adapter.probe import CLOSE, probe_adapter, probe_logits
from titlecraft.models.adapter.read import ADAPTER_FIX, Adapter
from titlecraft.models.adapter.zeroed import is_base_when_zeroed
from titlecraft.models.base.config import context_length
from titlecraft.models.base.files import loading
from titlecraft.models.base.four_bit import unpack_four_bit
from titlecraft.models.base.model import LoadedBase, load_base
from titlecraft.models.base.quantisation import FOUR_BIT, in_words
from titlecraft.models.checks import require_check
from titlecraft.models.loss.check_scores import check_probe_scores
from titlecraft.records import Check
from titlecraft.records.repo_files import ADAPTER_FILES, ADAPTER_WEIGHTS

ROUNDED_INPUTS = 0.1  # of the largest logit: an 8-bit layer rounds its inputs too (LLM.int8), a plain copy does not
SPARE = 0.35  # share of a GPU's memory that unpacked weights must leave for the batches


@dataclass(frozen=True)
class Loaded:
    """One PeftModel in eval mode: adapter on is "after", adapter off (disable_adapter) is "before".

    `zeroed_is_base`: the model with a zeroed adapter gives the logits of the base bit for bit; only tested on a GPU.
    """

    model: Any
    tokenizer: Any
    base: LoadedBase
    checks: list[Check]
    zeroed_is_base: bool = False

    @property
    def compiles(self) -> bool:
        """Whether decoding steps can be compiled: on a GPU, without quantised layers."""
        base = self.model.get_base_model()
        quantised = getattr(base, "is_loaded_in_4bit", False) or getattr(base, "is_loaded_in_8bit", False)
        return base.device.type == "cuda" and not quantised

    @property
    def context(self) -> int:
        """The maximum sequence length of the model."""
        return context_length(self.model.get_base_model().config)


def load(inputs: Adapter, unpack: bool = False) -> Loaded:
    """Load base and adapter. Raises UserError if the base was quantised in training and cannot be on this machine.

    `unpack` dequantises 4-bit and 8-bit layers even if that leaves less memory for batches. Without it 8-bit layers
    stay as they are, because they round their inputs as in training.
    """
    base = load_base(
        inputs.training.base, inputs.training.quantization, inputs.training.precision, prompt=inputs.prompt
    )
    checks = []
    if base.quantization != (recorded := inputs.training.quantization):
        why = base.quantization_note or f"it is loaded {in_words(base.quantization)}."
        raise UserError(
            f"the adapter was trained on a {recorded} base by its record, which this machine cannot load: {why} Evaluate where "
            "4-bit weights work"
        )
    packed = base.quantization in FOUR_BIT and (unpack or worth_unpacking(base.model))
    if packed or (unpack and base.quantization == "int8"):
        checks.append(dequantise(base.model, base.precision, base.quantization))
    bare = probe_logits(base.model)
    with loading(inputs.adapter, "a LoRA adapter", ADAPTER_FIX):
        # Not AutoModel.from_pretrained(adapter, revision=…): that applies the adapter's commit to the base.
        model = PeftModel.from_pretrained(base.model, inputs.adapter.repo, revision=inputs.adapter.revision)
        require_all_factors(model, download(inputs.adapter, list(ADAPTER_FILES)) / ADAPTER_WEIGHTS, inputs)
    for parameter in model.parameters():  # PEFT loads adapters in float32, and would compute each of them there
        if parameter.dtype.is_floating_point and parameter.dtype != base.model.dtype:
            parameter.data = parameter.data.to(base.model.dtype)
    checks += check_adapter(model.eval(), bare)
    with_gpu = base.model.device.type == "cuda" and not getattr(base.model, "is_loaded_in_4bit", False)
    checks.append(check_probe_scores(model, base.tokenizer.pad_token_id or 0, with_gpu))
    zeroed_is_base = base.model.device.type == "cuda" and is_base_when_zeroed(model, bare)
    if zeroed_is_base:
        name = "an update of zero gives back the base, so that both arms generate by one compiled step"
        checks.append(
            Check(name=name, expected="logits equal to the bare base's, bit for bit", found="equal", holds=True)
        )
    return Loaded(model, base.tokenizer, base, checks, zeroed_is_base)


def check_adapter(model: PeftModel, bare: Tensor) -> list[Check]:
    """Check that the adapter changes the logits, and that the base without it has the logits `bare`, bit for bit."""
    probe = probe_adapter(model, bare)
    if not (probe.finite_on and probe.finite_off):  # NaN compares unequal to everything
        raise UserError(
            f"logits of the {'adapter' if probe.finite_off else 'base'} are not finite (nan or infinity), so there is "
            "nothing to measure: the weights are broken, or too large for this precision"
        )
    return [
        require_check(
            "the adapter changes the model",
            "other logits with it than without",
            "other" if probe.changes else "equal",
            probe.changes,
            "the adapter is as it was before training: train it, or evaluate another revision",
        ),
        require_check(
            "switching the adapter off gives back the base",
            "logits equal to the bare base's, bit for bit",
            "equal" if probe.restores else "other",
            probe.restores,
            "the base was changed in memory: update peft",
        ),
    ]


def require_all_factors(model: Any, file: Path, inputs: Adapter) -> None:
    """Raise UserError if the file lacks LoRA factors, or has factors without a layer; PEFT only warns."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(file, framework="np") as tensors:
        in_file = {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    expected = {
        name: tuple(tensor.shape)
        for name, tensor in get_peft_model_state_dict(model, save_embedding_layers=False).items()
    }
    names = in_file.keys() | expected.keys()
    if mismatches := sorted(name for name in names if in_file.get(name) != expected.get(name)):
        raise UserError(
            f"{file.name} of {inputs.adapter} is not the adapter that adapter_config.json describes: {mismatches[0]} is "
            f"{in_file.get(mismatches[0], 'missing')}, expected {expected.get(mismatches[0], 'no such tensor')}; {ADAPTER_FIX}"
        )


def worth_unpacking(model: Any) -> bool:
    """Whether to dequantise 4-bit weights: always on a CPU; on a GPU if SPARE of its memory stays free."""
    import torch

    if model.device.type != "cuda":
        return True
    free, total = torch.cuda.mem_get_info()
    allowed = torch.cuda.get_per_process_memory_fraction() * total
    free, total = min(free, allowed - torch.cuda.memory_reserved()), min(total, allowed)
    # two weights in a byte
    packed = sum(weight.numel() for weight in model.parameters() if hasattr(weight, "quant_state"))
    return free - 2 * packed * model.dtype.itemsize > SPARE * total


def dequantise(model: Any, precision: str, quantization: str = "nf4") -> Check:
    """Replace 4-bit or 8-bit layers by layers of this precision with the same weights; return the check of their logits.

    bitsandbytes dequantises each layer in every forward pass. On a CPU that is most of the time of a decoding step, and
    on a GPU it prevents compilation. The weights and the precision are those of the training.
    """
    trained_on = probe_logits(model)
    unpack_four_bit(model, precision)
    error = float((trained_on - probe_logits(model)).abs().max() / trained_on.abs().max())
    close = ROUNDED_INPUTS if quantization == "int8" else CLOSE[precision]
    return require_check(
        f"{precision} copies of the {'8' if quantization == 'int8' else '4'}-bit weights give the logits that the adapter was trained against",
        f"largest difference at most {close:g} of the largest logit",
        f"{error:.2g}" if error > close or quantization == "int8" else "within it",
        error <= close,
        "please report this machine's CPU",
    )
