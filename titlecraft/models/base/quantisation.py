"""The quantisation of a base: nf4, fp4, int8 or none, from its config or its loaded layers."""

from typing import Any, Literal

from titlecraft.errors import UserError
from titlecraft.records import Pin

IN_WORDS = {
    "nf4": "4 bit (nf4)",
    "fp4": "4 bit (fp4)",
    "int8": "8 bit (int8)",
    "fp8": "8 bit (fp8)",
    "none": "not quantised",
}
FOUR_BIT = ("nf4", "fp4")
FOUR_BIT_BLOCK = 64  # weights that share a scale; bitsandbytes' default, and what a base is quantised with here


def in_words(quantization: str) -> str:
    """Return "4 bit (nf4)" or "not quantised"; unknown names stay as they are."""
    return IN_WORDS.get(quantization, quantization)


def resolve_quantization(quantization: str) -> Literal["nf4", "none"]:
    """Return how "auto" loads a base: "nf4" on a GPU and "none" on a CPU, where a 4-bit product takes longer."""
    import torch

    if quantization == "auto":
        return "nf4" if torch.cuda.is_available() else "none"
    return "nf4" if quantization == "nf4" else "none"


def published_as(config: Any, base: Pin) -> str:
    """Return the quantisation of a published base: nf4, fp4, int8 or none.

    Raises UserError for other methods, which cannot be exported.

    Args:
        config: transformers config of the base.
    """
    text = config.get_text_config()
    published = getattr(config, "quantization_config", None) or getattr(text, "quantization_config", None)
    published = published or getattr(config, "compression_config", None)
    if not published:
        return "none"
    settings = (
        published if isinstance(published, dict) else published.to_dict() if hasattr(published, "to_dict") else {}
    )
    in_four, in_eight = (
        bool(settings.get(f"load_in_{bits}bit") or settings.get(f"_load_in_{bits}bit")) for bits in (4, 8)
    )
    method = str(settings.get("quant_method") or ("bitsandbytes" if in_four or in_eight else "an unnamed method"))
    kind = settings.get("bnb_4bit_quant_type", "fp4") if in_four else "int8" if in_eight else None
    if (
        method.rsplit(".", 1)[-1].lower() not in ("bitsandbytes", "bitsandbytes_4bit", "bitsandbytes_8bit")
        or kind not in IN_WORDS
    ):
        raise UserError(
            f"{base} is published quantised by {method}, which cannot be trained on and exported here: expected full "
            "precision, or bitsandbytes in 4 or 8 bit; set base.repo to the model that it was made from"
        )
    return str(kind)


def loaded_as(model: Any) -> str:
    """Return the quantisation of a loaded model's linear layers: nf4, fp4, int8 or none."""
    for layer in model.modules():
        match type(layer).__name__:
            case "Linear4bit" | "Params4bit":
                return str(layer.weight.quant_type)
            case "Linear8bitLt":
                return "int8"
    return "none"


def misread_on_cpu(model: Any, *, on_gpu: bool) -> str | None:
    """Return why bitsandbytes would dequantise this model's 4-bit weights wrongly on a CPU, or None.

    On a CPU bitsandbytes (0.50) starts a new block with each row of a matrix, although blocks of 64 were counted across
    rows. Unless a row is a multiple of the block, most weights get the scale of another block (an error of 26 % instead
    of 9 %).

    Args:
        model: with 4-bit layers, or layers that will be quantised; it may be on the meta device.
    """
    if on_gpu:
        return None
    head = model.get_output_embeddings()
    four_bit = loaded_as(model) in FOUR_BIT
    for name, layer in model.named_modules():
        kind = type(layer).__name__
        if layer is head or kind not in (("Linear4bit",) if four_bit else ("Linear", "Conv1D")):
            continue
        width = layer.weight.shape[0] if kind == "Conv1D" else layer.in_features
        block = layer.weight.quant_state.blocksize if four_bit else FOUR_BIT_BLOCK
        if width % block:
            return f"bitsandbytes misreads layers of width {width} ({name}) on a CPU: expected a multiple of {block}"
    return None
