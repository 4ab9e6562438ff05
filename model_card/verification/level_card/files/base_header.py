"""Level card, base: the header of the base's safetensors files against the training record and the adapter's tensors.

The Hub sends the header alone, so a base of many gigabytes costs a few kilobytes.
"""

from collections.abc import Iterator
from math import prod

from huggingface_hub import HfApi
from huggingface_hub.errors import NotASafetensorsRepoError

from model_card.verification.level_card.files.adapter import read_header
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.errors import hub_errors
from titlecraft.records.repo_files import ADAPTER_WEIGHTS

FLOATS = ("F64", "F32", "F16", "BF16")  # dtypes of weights that are not packed
PREFIX = "base_model.model."  # of PEFT, before the name of a layer of the base
Shapes = dict[str, tuple[str, list[int]]]


def verify_base_header(state: RepoState) -> list[Line]:
    """Lines about the base's number of parameters, and about the layers that the adapter changes."""
    checks = Checks("card", "base")
    return checks.gather(check_header(checks, state))


def check_header(checks: Checks, state: RepoState) -> Iterator[Line]:
    """The header gives the number of parameters and the shapes that both factors of each layer must have."""
    base = state.training.base
    try:
        with hub_errors(f"reading the header of {base}", base.repo, base.type):
            metadata = HfApi().get_safetensors_metadata(base.repo, revision=base.revision)
    except NotASafetensorsRepoError:
        reason = "the base has no safetensors files"
        yield checks.not_looked_at("parameters", state.training.base_parameters, reason)
        return
    tensors = {
        name: (tensor.dtype, list(tensor.shape))
        for file in metadata.files_metadata.values()
        for name, tensor in file.tensors.items()
    }
    yield from compare(checks, state, tensors)


def compare(checks: Checks, state: RepoState, tensors: Shapes) -> Iterator[Line]:
    """The lines for these tensors of the base: name -> dtype and shape."""
    recorded = state.training.base_parameters
    packed = sorted({dtype for dtype, _ in tensors.values()} - set(FLOATS))
    if packed:
        yield checks.not_looked_at("parameters", recorded, f"the base's weights are packed as {', '.join(packed)}")
    else:
        total = sum(prod(shape) for _, shape in tensors.values())
        yield checks.equal("parameters, from the base's header", recorded, total)
    header, _ = read_header(state.folder / ADAPTER_WEIGHTS)
    sizes: dict[str, dict[str, int]] = {}
    for name, tensor in header.items():
        layer, _, factor = name.removesuffix(".weight").rpartition(".lora_")
        sizes.setdefault(layer, {})[factor] = tensor["shape"][1 if factor == "A" else 0]
    weights = {layer: tensors.get(f"{layer.removeprefix(PREFIX)}.weight", ("", [])) for layer in sizes}
    plain = {layer: shape for layer, (dtype, shape) in weights.items() if dtype in FLOATS and len(shape) == 2}
    # GPT-2's layers are transposed
    wrong = [
        layer
        for layer, shape in plain.items()
        if [sizes[layer].get("B"), sizes[layer].get("A")] not in (shape, shape[::-1])
    ]
    unknown = len(sizes) - len(plain)
    yield checks.equal("layers whose factors do not fit the base", ", ".join(wrong) or "none", "none")
    if unknown:
        reason = "the base's header has no plain weights of these names"
        yield checks.not_looked_at("layers without a weight to compare with", unknown, reason)
