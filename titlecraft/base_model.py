"""Load the base model at its pin, the same way for training and for evaluation.

Imports torch, transformers and bitsandbytes inside its functions: the commands that need no model stay quick.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from titlecraft import ranks
from titlecraft.document_attention import caps_scores
from titlecraft.errors import UserError
from titlecraft.hub import download, first_line, hub_errors
from titlecraft.records import Pin

Precision = Literal["auto", "bfloat16", "float16", "float32"]
FOUR_BIT_BLOCK = 64  # weights that share a scale; bitsandbytes' default, and what a base is quantised with here
PAD_CANDIDATES = (
    "<|finetune_right_pad_id|>",
    "<|reserved_special_token_250|>",
    "<|reserved_special_token_0|>",
    "<pad>",
    "<unk>",
)


@dataclass(frozen=True)
class LoadedBase:
    """A base model and its tokenizer, with what was really done to load them.

    Args:
        model: the transformers causal language model, in eval mode.
        tokenizer: its tokenizer, with a pad token that is not the EOS token.
        quantization: "nf4" or "none", as loaded.
        quantization_note: why it is not what was asked for, in one sentence, or None.
        precision: floating type of the activations and of the weights that are not quantised.
    """

    model: Any
    tokenizer: Any
    quantization: str
    quantization_note: str | None
    precision: str


def resolve_precision(precision: Precision) -> str:
    """Name of the floating type: "auto" takes bfloat16 where a GPU supports it, else float16 on a GPU, else float32."""
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
    """Why 4-bit weights cannot be used on this machine, or None where they can: found by multiplying with some."""
    import torch

    try:
        import bitsandbytes

        device = "cuda" if torch.cuda.is_available() else "cpu"
        layer = bitsandbytes.nn.Linear4bit(64, 64, bias=False, compute_dtype=torch.float32, quant_type="nf4").to(device)
        out = layer(torch.ones(1, 64, device=device))
    except Exception as error:  # any fault here means the same thing: this machine has no working 4-bit kernels
        return f"{type(error).__name__}: {error}".splitlines()[0]
    return None if bool(torch.isfinite(out).all()) else "a 4-bit product was not finite"


def unreadable_in_four_bit(config: Any) -> str | None:
    """Why this machine would read 4-bit weights of such a model wrongly, or None where it would not.

    On a CPU bitsandbytes (0.50) starts a new block with each row of a matrix, though the blocks of 64 were counted through
    it: unless rows are whole blocks, most weights get the scale of another block (an error of 26 % instead of 9 %).
    """
    import torch

    sizes = [getattr(config, name, None) for name in ("hidden_size", "intermediate_size")]
    heads, head = getattr(config, "num_attention_heads", 1), getattr(config, "head_dim", None)
    widths = [size for size in (*sizes, heads * head if head else None) if size]
    odd = [width for width in widths if width % FOUR_BIT_BLOCK]
    if torch.cuda.is_available() or not odd:
        return None
    return f"bitsandbytes misreads layers of width {odd[0]} on a CPU: expected a multiple of {FOUR_BIT_BLOCK}"


@contextmanager
def loading(base: Pin, what: str) -> Iterator[None]:
    """Say in one line that a repo does not hold what it should: transformers raises half a dozen kinds of errors for it."""
    try:
        with hub_errors(f"loading {base}", base.repo, base.type):
            yield
    except (ValueError, OSError, KeyError, ImportError, AttributeError, TypeError) as error:
        raise UserError(f"{base} cannot be loaded as a {what}: {first_line(error)}; set another base.repo") from error


def load_tokenizer(base: Pin) -> Any:
    """Tokenizer of the pinned base, with a pad token apart from EOS (else the loss would never see EOS)."""
    from transformers import AutoTokenizer

    download(base, ["tokenizer*", "special_tokens_map.json", "config.json", "*.model"])
    with loading(base, "tokenizer"):
        tokenizer = AutoTokenizer.from_pretrained(base.repo, revision=base.revision)
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        vocabulary = tokenizer.get_vocab()
        fallback = [tokenizer.bos_token] if tokenizer.bos_token_id not in (None, tokenizer.eos_token_id) else []
        known = [token for token in (*PAD_CANDIDATES, *fallback) if token in vocabulary]
        if not known:
            raise UserError(
                f"the tokenizer of {base} has no token that could pad without being EOS; add one to the base"
            )
        tokenizer.pad_token = known[0]
    return tokenizer


def load_base(base: Pin, quantization: str, precision: Precision, *, on_cpu: bool = False) -> LoadedBase:
    """Load a causal language model at its pin, onto this process's GPU where there is one, or `on_cpu`. Raises UserError.

    A base that was published in 4 bit stays as it is. Where 4 bit does not work, the model is loaded in full
    precision and the note says so.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, BitsAndBytesConfig
    from transformers.utils.logging import disable_progress_bar

    tokenizer = load_tokenizer(base)
    download(base, ["*.json", "*.safetensors"])
    disable_progress_bar()  # of reading weights from disk
    resolved = resolve_precision(precision)
    dtype = getattr(torch, resolved)
    note = None
    if quantization == "nf4" and (fault := four_bit_fault()):
        quantization, note = "none", f"4-bit weights do not work on this machine ({fault}); the base is in {resolved}."
    with loading(base, "causal language model"):
        config = AutoConfig.from_pretrained(base.repo, revision=base.revision)
        ready_made = getattr(config, "quantization_config", None)
        if ready_made and note:
            raise UserError(f"{base} is published in 4 bit, which does not work on this machine: {note}")
        ours = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
        model = AutoModelForCausalLM.from_pretrained(
            base.repo,
            revision=base.revision,
            dtype=dtype,
            use_safetensors=True,  # a .bin is a pickle, and a public service would be asked to convert it
            device_map={"": "cpu" if on_cpu else ranks.local_rank()} if torch.cuda.is_available() else None,
            **({"attn_implementation": "eager"} if caps_scores(config) else {}),
            # None would hide from transformers that a base is published in 4 bit
            **({"quantization_config": ours} if quantization == "nf4" and not ready_made else {}),
        )
    keep_four_bit_layers_as_they_are(model)
    for layer in model.modules():
        if hasattr(layer, "compute_dtype"):  # a base that is published in 4 bit brings its own, whatever the machine
            layer.compute_dtype = dtype
    model.eval()
    return LoadedBase(model, tokenizer, "nf4" if ready_made else quantization, note, resolved)


def keep_four_bit_layers_as_they_are(model: Any) -> None:
    """Forbid bitsandbytes (0.50) to repack the 4-bit layers of a model on a CPU with AVX512-BF16.

    It would do so at their first forward pass in eval mode: block scales rounded to bfloat16, products in bfloat16, and
    no way back. A repacked layer has no backward pass, so a glance at the logits before training leaves the adapter's
    gradients without everything that comes through the base (cosine to the true ones about 0), and no error.
    """
    for layer in model.modules():
        if hasattr(layer, "support_avx512bf16_for_cpu"):
            layer.support_avx512bf16_for_cpu = False
