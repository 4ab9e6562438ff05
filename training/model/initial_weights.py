"""Initial weights with a non-zero update: PiSSA and OLoRA, which change the base's weights, and LoftQ, which does not.

PiSSA and OLoRA take the adapter's initial update s·B₀A₀ out of the base: W becomes W − s·B₀A₀. The published adapter has to work on
the base as it is published, so it is converted to W + s·(BA − B₀A₀), a LoRA of twice the rank, by PEFT.
"""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from peft.tuners.lora import LoraLayer
from safetensors import safe_open

from titlecraft.errors import UserError
from titlecraft.hub.pins import download
from titlecraft.models.adapter.probe import CLOSE, probe_logits
from titlecraft.models.base.four_bit import frozen_weight
from titlecraft.records import Check, Pin
from titlecraft.settings import Lora
from training.model.fused_lora import unfuse_lora

FULL_SVD_UP_TO = 1024  # of the smaller side of a layer; larger ones take minutes each, and PEFT's fast SVD seconds
WRAPPED = "base_model.model."


def init_of(lora: Lora, model: Any) -> Any:
    """PEFT's `init_lora_weights` for this adapter on this base. LoftQ starts from PEFT's default, see `initialise_loftq`."""
    if lora.init == "olora":
        return "olora"
    if lora.init != "pissa":
        return True
    sides = [min(layer.weight.shape) for name, layer in model.named_modules() if is_target(name, lora)]
    return "pissa" if max(sides) <= FULL_SVD_UP_TO else "pissa_niter_16"


def is_target(name: str, lora: Lora) -> bool:
    """Whether a module of the base is adapted."""
    return name.rpartition(".")[2] in (lora.target_modules or [])


def trained_weights(model: PeftModel) -> dict[str, torch.Tensor]:
    """A copy of the trainable weights on the CPU."""
    return {
        name: weight.detach().to("cpu", copy=True) for name, weight in model.named_parameters() if weight.requires_grad
    }


@torch.no_grad()
def load_weights(model: PeftModel, weights: dict[str, torch.Tensor]) -> None:
    """Copy weights into the model, by name."""
    for name, weight in weights.items():
        model.get_parameter(name).copy_(weight)


class ChangedBase:
    """A base from which the adapter's initial update was subtracted, and a copy of its original weights on the CPU.

    Args:
        weights: name of an adapted layer of the base -> its own weight.
        initial: the adapter's initial weights.
    """

    def __init__(self, model: Any, lora: Lora) -> None:
        self.weights = {
            name: layer.weight.detach().to("cpu", copy=True)
            for name, layer in model.named_modules()
            if is_target(name, lora)
        }

    def keep_initial_weights(self, model: PeftModel) -> None:
        """Store the initial weights of an adapter that has just been added."""
        self.initial = trained_weights(model)

    @torch.no_grad()
    def swap(self, model: PeftModel) -> None:
        """Exchange the changed weights in the model and the stored original ones."""
        for name, kept in self.weights.items():
            weight: Any = model.get_submodule(WRAPPED + name).get_base_layer().weight  # pyright: ignore[reportCallIssue]
            current = weight.detach().to("cpu", copy=True)
            weight.copy_(kept)
            self.weights[name] = current

    def base_logits(self, model: PeftModel, probe: list[int]) -> torch.Tensor:
        """Logits of the base with its original weights, for the token ids `probe`."""
        self.swap(model)
        with model.disable_adapter():
            logits = probe_logits(model, probe)
        self.swap(model)
        return logits

    def convert(self, model: PeftModel, probe: list[int], precision: str) -> Check:
        """Turn the trained model into the published one: the base with its own weights, and the adapter of twice the rank.

        Returns the check that both give the same logits. Raises UserError if they do not.
        """
        trained = probe_logits(model, probe)
        unfuse_lora(model)
        weights = trained_weights(model)
        config: Any = model.peft_config["default"]
        named = config.base_model_name_or_path, config.revision, sorted(config.target_modules)
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # PEFT's, about two adapters on a changed base, one of which is deleted below
            started, ended = Path(folder) / "initial", Path(folder) / "converted"
            load_weights(model, self.initial)
            model.save_pretrained(str(started), save_embedding_layers=False)
            load_weights(model, weights)
            model.save_pretrained(
                str(ended), save_embedding_layers=False, path_initial_model_for_weight_conversion=str(started)
            )
            model.load_adapter(str(ended), "converted", is_trainable=False)
            model.set_adapter("converted")
            model.delete_adapter("default")
            model.load_adapter(str(ended), "default", is_trainable=False)
        model.set_adapter("default")
        model.delete_adapter("converted")
        config = model.peft_config["default"]
        config.base_model_name_or_path, config.revision, config.target_modules = named
        self.swap(model)
        published = probe_logits(model, probe)
        apart = float((published - trained).abs().max() / trained.abs().max())
        close = CLOSE[precision]
        check = Check(
            name="logits of the adapter on the unchanged base against those of the trained model",
            expected=f"largest difference at most {close:g} of the largest logit",
            found="within it" if apart <= close else f"{apart:.2g}",
            holds=apart <= close,
        )
        if not check.holds:
            raise UserError(
                f"check failed: {check.name}: expected {check.expected}, found {check.found}; set --training.precision=float32, or "
                "--lora.init=default; nothing was published"
            )
        return check


@torch.no_grad()
def initialise_loftq(model: PeftModel, base: Pin) -> None:
    """Set the factors of a fresh adapter to the best approximation of what 4-bit weights lost, W − W₄ ≈ s·BA (LoftQ, Li et al. 2023).

    One step of LoftQ, with the 4-bit weights as they are, so that the adapter works on the base as everybody loads it. PEFT's
    replace_lora_weights_loftq does the same without the scale s, and on a GPU only. Raises UserError.
    """
    folder = download(base, ["*.json", "*.safetensors"])
    files: dict[str, Path] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="pt") as tensors:
            files |= dict.fromkeys(tensors.keys(), file)
    for name, layer in model.named_modules():
        if not isinstance(layer, LoraLayer):
            continue
        key = name.removeprefix(WRAPPED) + ".weight"
        frozen: Any = layer.get_base_layer()
        if key not in files or not hasattr(frozen, "quant_state"):
            raise UserError(
                f"lora.init loftq: {base} has no weights named {key} that are loaded in 4 bit: set --lora.init=default"
            )
        with safe_open(files[key], framework="pt") as tensors:
            own = tensors.get_tensor(key)
        rounded = frozen_weight(frozen, torch.float32)
        lost = own.to(rounded.device, torch.float32) - rounded
        factors: Any = layer
        A, B = factors.lora_A["default"].weight, factors.lora_B["default"].weight
        left, values, right = torch.linalg.svd(lost, full_matrices=False)
        root = values[: len(A)].sqrt()
        A.copy_(root[:, None] * right[: len(A)])
        B.copy_(left[:, : len(A)] * root / layer.scaling["default"])


def starts_from_weights(model: PeftModel) -> dict[str, torch.Tensor]:
    """Copies of the trained weights of a fresh adapter that was computed from the base's (DoRA, LoftQ); empty for a zero adapter.

    Rounded to bfloat16, as TRL rounds them on a 4-bit base, DoRA's magnitudes would change the base's logits before the first step.
    """
    trained = {name: weight.detach().clone() for name, weight in model.named_parameters() if weight.requires_grad}
    computed = any(
        "lora_magnitude_vector" in name or ("lora_B" in name and bool(weight.any())) for name, weight in trained.items()
    )
    return trained if computed else {}
