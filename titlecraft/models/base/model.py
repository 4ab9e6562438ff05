"""Loading the base model at its pin, the same way for training and evaluation.

torch, transformers and bitsandbytes are imported inside functions, so that verbs without a model start fast.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from titlecraft.errors import UserError
from titlecraft.hub.pins import download
from titlecraft.models.attention.document import caps_scores
from titlecraft.models.base.config import CAUSAL, load_config, on_meta, require_decoder
from titlecraft.models.base.files import files_of, loading, require_weights, require_whole_weights
from titlecraft.models.base.quantisation import FOUR_BIT, in_words, loaded_as, misread_on_cpu, published_as
from titlecraft.models.base.tokenizer import load_tokenizer
from titlecraft.process import distributed
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin


@dataclass(frozen=True)
class LoadedBase:
    """A base model with its tokenizer, and how it was loaded.

    Args:
        model: the transformers causal language model, in eval mode.
        tokenizer: its tokenizer, with a pad token.
        quantization: "nf4", "fp4", "int8" or "none", as loaded.
        quantization_note: why it differs from the requested one, in one sentence, or None.
        precision: dtype of the activations and of the weights that are not quantised.
    """

    model: Any
    tokenizer: Any
    quantization: str
    quantization_note: str | None
    precision: str


def resolve_precision(precision: str) -> str:
    """Return the dtype's name for "auto": bfloat16 on a GPU that supports it, float16 on other GPUs, float32 on a CPU."""
    import torch

    if precision != "auto":
        return precision
    if not torch.cuda.is_available():
        return "float32"
    return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"


def device_name() -> str:
    """The GPU's name, or "cpu"."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"


@cache
def four_bit_fault() -> str | None:
    """Return why 4-bit weights do not work on this machine, or None; tested with a multiplication."""
    import torch

    try:
        import bitsandbytes

        device = "cuda" if torch.cuda.is_available() else "cpu"
        layer = bitsandbytes.nn.modules.Linear4bit(
            64, 64, bias=False, compute_dtype=torch.float32, quant_type="nf4"
        ).to(device)
        out = layer(torch.ones(1, 64, device=device))
    except Exception as error:  # any fault here means the same thing: this machine has no working 4-bit kernels
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None if bool(torch.isfinite(out).all()) else "a 4-bit product was not finite"


def load_base(
    base: Pin,
    quantization: str,
    precision: str,
    *,
    prompt: PromptFormat | None = None,
    device: Literal["cpu", "meta"] | None = None,
) -> LoadedBase:
    """Load a causal language model at its pin, on this process's GPU if there is one, or on `device`. Raises UserError.

    On the device "meta" it has no weights.

    With a prompt, the tokenizer's EOS token is the one that ends an answer to that prompt.
    A base that was published in 4 or 8 bit stays quantised. If 4-bit does not work, the model is loaded without
    quantisation and the note explains why.
    """
    import torch
    from transformers import AutoModelForCausalLM, BitsAndBytesConfig
    from transformers.utils.logging import disable_progress_bar

    files = files_of(base)
    tokenizer, config = load_tokenizer(base, prompt), load_config(base, files)
    require_weights(base, files)
    published = published_as(config, base)
    resolved, on_gpu = resolve_precision(precision), torch.cuda.is_available()
    dtype, note = getattr(torch, resolved), None
    if published != "none":
        if fault := four_bit_fault():
            raise UserError(
                f"{base} is published in {in_words(published)}, which does not work on this machine ({fault})"
            )
        if quantization != published:
            note = f"The base is published in {in_words(published)} and stays so: base.quantization {quantization} has no effect."
    elif quantization in FOUR_BIT and (
        fault := four_bit_fault() or misread_on_cpu(on_meta(config, base), on_gpu=on_gpu)
    ):
        quantization, note = "none", f"4-bit weights do not work on this machine ({fault}); the base is in {resolved}."
    require_whole_weights(download(base, ["*.json", "*.safetensors"]), base, files)
    disable_progress_bar()  # of reading weights from disk
    with loading(base, CAUSAL):
        nf4_config = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            base.repo,
            revision=base.revision,
            trust_remote_code=False,
            dtype=dtype,
            use_safetensors=True,  # a .bin is a pickle, and a public service would be asked to convert it
            device_map={"": device or distributed.local_rank()} if device or on_gpu else None,
            output_loading_info=True,
            **({"attn_implementation": "eager"} if caps_scores(config) else {}),
            # None would hide from transformers that a base is published in 4 bit
            **({"quantization_config": nf4_config} if quantization == "nf4" and published == "none" else {}),
        )
    model, loading_info = loaded  # with output_loading_info: the model, and what was missing
    require_all_weights(loading_info, base)
    require_decoder(model, base)
    keep_four_bit_layers_as_they_are(model)
    for layer in model.modules():
        if hasattr(layer, "compute_dtype"):  # a base that is published in 4 bit brings its own, whatever the machine
            layer.compute_dtype = dtype
    loaded_quantization = loaded_as(model)
    has_weights = device != "meta"  # without weights there are no blocks to look at, and rank 0 looks at its own
    if has_weights and loaded_quantization in FOUR_BIT and (fault := misread_on_cpu(model, on_gpu=on_gpu)):
        raise UserError(
            f"{base} is published in {in_words(loaded_quantization)}, and {fault}: use a GPU, or a base that is not in 4 bit"
        )
    if quantization == "nf4" and loaded_quantization == "none" and note is None:
        note = f"The base has no linear layers that could be in 4 bit; it is in {resolved}."
    model.eval()
    return LoadedBase(model, tokenizer, loaded_quantization, note, resolved)


def require_all_weights(loading_info: dict[str, Any], base: Pin) -> None:
    """Raise UserError if weights are missing or have other shapes; transformers would initialise them randomly.

    Args:
        loading_info: that of `from_pretrained`.
    """
    for reason, name in (
        ("missing_keys", "lacks the weights"),
        ("mismatched_keys", "has other shapes than its config for"),
    ):
        if keys := sorted(str(key) for key in loading_info.get(reason) or ()):
            more = f" and {len(keys) - 1} more" if len(keys) > 1 else ""
            raise UserError(f"{base} cannot be loaded as {CAUSAL}: it {name} {keys[0]}{more}; set another base.repo")


def keep_four_bit_layers_as_they_are(model: Any) -> None:
    """Prevent bitsandbytes (0.50) from repacking the 4-bit layers of a model on a CPU with AVX512-BF16.

    It repacks them irreversibly at their first forward pass in eval mode: block scales and products in bfloat16. A
    repacked layer has no backward pass, so a forward pass before training would silently remove the part of the
    adapter's gradients that comes through the base (cosine with the true gradient about 0).
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False
