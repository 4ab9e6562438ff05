"""Whether a base can be trained on packed rows; its weights are not needed."""

from typing import Any

import torch
from transformers import AutoModelForCausalLM, PretrainedConfig

from titlecraft.errors import UserError
from titlecraft.models.attention.document import documents_fault
from titlecraft.models.base.files import loading
from titlecraft.records import Pin


def packing_fault(model: Any, base: Pin, longest: int) -> str | None:
    """The reason why this base cannot be trained on packed rows, with the fix, or None. Does not read the weights."""
    fault = documents_fault(model, longest)
    return fault and f"{base} cannot be trained on packed rows: {fault}; use --training.packing=false"


def require_packable(config: PretrainedConfig, base: Pin, longest: int) -> None:
    """Raises UserError if a base cannot be trained on packed rows of `longest` tokens; its weights are not loaded."""
    with torch.device("meta"), loading(base, "causal language model"):
        # bfloat16, because the kernels of expert layers accept no float32
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16, trust_remote_code=False)
    if fault := packing_fault(model, base, longest):
        raise UserError(fault)
