"""How much GPU memory one training setting takes at its peak, from the base's config.json alone: no weights, no GPU.

What autograd keeps for the backward pass is counted tensor by tensor, in bytes per token and layer. What comes on top of it
(gradients in flight, unpacked weights, a chunk of logits) is fitted to peaks measured on an H200 with an 8B Llama:
tests/training/planning/test_memory.py holds them, and how far off each estimate is. Bytes are bytes; GB are 10**9 of them.
"""

from dataclasses import dataclass
from typing import Any

from titlecraft.models.base.four_bit import WEIGHT_BITS
from titlecraft.settings import Base, Lora, Training

OPTIMIZER_BYTES = {"adamw_8bit": 2, "paged_adamw_8bit": 2, "adamw_torch": 8, "adamw_torch_fused": 8}  # per parameter
IN_FLIGHT, IN_FLIGHT_CHECKPOINTED = 13, 4  # tensors of the MLP's width, beside what is kept; fitted
LOSS_CHUNK = (
    1024  # tokens whose logits exist at a time, in float32; fitted, and of the size of Liger's and TRL's chunks
)


@dataclass(frozen=True)
class Shape:
    """Widths of a decoder: of the residual stream, the MLP, all queries, all keys; layers, vocabulary, shared embeddings."""

    hidden: int
    inner: int
    query: int
    key: int
    layers: int
    vocabulary: int
    tied: bool

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """Inputs and outputs of the linear layers of one decoder layer, by the names that LoRA targets."""
        hidden, inner = self.hidden, self.inner
        return {
            "q_proj": (hidden, self.query), "k_proj": (hidden, self.key), "v_proj": (hidden, self.key),
            "o_proj": (self.query, hidden), "gate_proj": (hidden, inner), "up_proj": (hidden, inner),
            "down_proj": (inner, hidden),
        }  # fmt: skip


def shape_of(config: Any) -> Shape:
    """Widths from a transformers config of a Llama-like decoder."""
    config = config.get_text_config()
    heads = config.num_attention_heads
    head = getattr(config, "head_dim", None) or config.hidden_size // heads
    return Shape(
        hidden=config.hidden_size,
        inner=getattr(config, "intermediate_size", None) or 4 * config.hidden_size,
        query=heads * head,
        key=(getattr(config, "num_key_value_heads", None) or heads) * head,
        layers=config.num_hidden_layers,
        vocabulary=config.vocab_size,
        tied=bool(getattr(config, "tie_word_embeddings", False)),
    )


@dataclass(frozen=True)
class Kernels:
    """How the layers are computed, as far as memory can tell.

    Args:
        fused: RMSNorm and SwiGLU in one kernel each (Liger, Unsloth): no float32 copies, no separate SiLU.
        stored_dropout: dropout keeps its mask and its output for each adapted layer, as PEFT's does.
        wide: residual stream, embeddings and norms in float32, as PEFT's prepare_model_for_kbit_training leaves them.
        grouped: attention takes the keys as they are; else they are repeated for each query head.
        keeps_product: the input of down_proj is kept; Unsloth without dropout computes it again.
        offloads: checkpoints lie in the machine's memory (Unsloth).
        masked: attention builds a mask over all pairs of tokens of the forward pass (packed rows through plain sdpa).
    """

    fused: bool = True
    stored_dropout: bool = False
    wide: bool = False
    grouped: bool = True
    keeps_product: bool = True
    offloads: bool = False
    masked: bool = False


def kernels_of(training: Training, lora: Lora, base: Base) -> Kernels:
    """What a recipe's backend and switches come to."""
    if training.backend == "unsloth":
        dropout = lora.dropout > 0
        return Kernels(stored_dropout=dropout, keeps_product=dropout, offloads=training.gradient_checkpointing)
    plain = not training.fused_kernels
    return Kernels(
        fused=not plain, stored_dropout=plain and lora.dropout > 0, grouped=training.packing
    )  # fmt: skip


@dataclass(frozen=True)
class Memory:
    """Peak memory in bytes, by what it is for.

    Args:
        weights: of the base, in 4 bit or not.
        adapter: its float32 parameters and gradients, and the optimizer's state.
        activations: kept for the backward pass.
        workspace: gradients in flight, weights unpacked from 4 bit, a chunk of logits.
    """

    weights: int
    adapter: int
    activations: int
    workspace: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.adapter + self.activations + self.workspace


def estimate_memory(
    config: Any,
    lora: Lora,
    training: Training,
    base: Base,
    *,
    tokens: int | None = None,
    kernels: Kernels | None = None,
) -> Memory:
    """Peak of one device that trains with these settings.

    Args:
        config: of the base, from transformers.
        tokens: of one forward pass, padding included; unset takes batch_size examples of base.max_length.
        kernels: unset takes what the settings come to.
    """
    shape, kernels = shape_of(config), kernels or kernels_of(training, lora, base)
    tokens = tokens or training.batch_size * base.max_length
    wide = 4 if training.precision == "float32" else 2
    linear = shape.layers * sum(inputs * outputs for inputs, outputs in shape.linears.values())
    embeddings = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    linear_bytes = WEIGHT_BITS[base.quantization] / 8 if base.quantization in WEIGHT_BITS else wide
    adapted = [shape.linears.get(name, (shape.hidden, shape.inner)) for name in lora.target_modules]
    parameters = shape.layers * lora.r * sum(inputs + outputs for inputs, outputs in adapted)
    layer = kept_by_layer(shape, lora, kernels, wide)
    checkpoint = shape.hidden * (4 if kernels.wide else wide)
    if training.gradient_checkpointing:
        kept = layer + (0 if kernels.offloads else shape.layers * checkpoint)
    else:
        kept = shape.layers * layer
    in_flight = (IN_FLIGHT_CHECKPOINTED if training.gradient_checkpointing else IN_FLIGHT) * shape.inner * wide
    unpacked = 2 * max(shape.hidden, shape.query) * shape.inner * wide if base.quantization in WEIGHT_BITS else 0
    mask = 3 * tokens**2 if kernels.masked else 0  # as booleans, and as numbers to add
    return Memory(
        weights=round(linear * linear_bytes + embeddings * (4 if kernels.wide else wide)),
        adapter=parameters * (4 + 4 + OPTIMIZER_BYTES[training.optimizer]),
        activations=tokens * kept + mask,
        workspace=tokens * in_flight + unpacked + min(tokens, LOSS_CHUNK) * shape.vocabulary * 4,
    )


def kept_by_layer(shape: Shape, lora: Lora, kernels: Kernels, wide: int) -> int:
    """Bytes per token that one decoder layer keeps for its backward pass, `wide` bytes a number.

    A frozen layer keeps no input for the gradient of its weights; an adapted one keeps it for the gradient of its A.
    """
    norm = 4 if kernels.wide or not kernels.fused else wide  # unfused, the norm keeps a float32 copy
    keys = shape.key if kernels.grouped else shape.query
    numbers = shape.query + 2 * keys + shape.query  # what attention takes and what it gives, the input of o_proj
    numbers += 2 * shape.inner + (0 if kernels.fused else shape.inner)  # gate and up, and SiLU's output
    adapted = set(lora.target_modules)
    if kernels.stored_dropout:
        dropped = sum(shape.linears.get(name, (shape.hidden, 0))[0] for name in adapted)
        return 2 * shape.hidden * norm + numbers * wide + dropped * (wide + 1)
    numbers += shape.hidden * bool(adapted & {"q_proj", "k_proj", "v_proj"})
    numbers += shape.hidden * bool(adapted & {"gate_proj", "up_proj"})
    numbers += shape.inner * ("down_proj" in adapted and kernels.keeps_product)
    return 2 * shape.hidden * norm + numbers * wide
