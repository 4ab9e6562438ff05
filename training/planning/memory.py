"""Estimate the peak GPU memory of a training from the base's config.json, without weights and without a GPU.

Activations that autograd keeps for the backward pass are counted tensor by tensor, in bytes per token and layer. The rest
(gradients in flight, dequantised weights, a chunk of logits) is fitted to peaks measured on an H200 with Llama 3 8B. Those peaks
and the error of each estimate are in tests/training/planning/test_memory.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from transformers import PretrainedConfig

from titlecraft.models.base.four_bit import WEIGHT_BITS
from titlecraft.settings import SEVEN_PROJECTIONS, Base, Lora, Training

OPTIMIZER_BYTES = {"adamw_8bit": 2, "paged_adamw_8bit": 2, "adamw_torch": 8, "adamw_torch_fused": 8}  # per parameter
IN_FLIGHT, IN_FLIGHT_CHECKPOINTED = 13, 4  # gradients in flight, as tensors of the MLP's width; fitted
LOSS_CHUNK = 1024  # tokens whose float32 logits exist at a time; fitted, and close to Liger's and TRL's chunks


@dataclass(frozen=True)
class Shape:
    """Sizes of a decoder: residual stream, MLP, all query heads, all key heads, layers, vocabulary; `tied` embeddings."""

    hidden: int
    inner: int
    query: int
    key: int
    layers: int
    vocabulary: int
    tied: bool

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """Name of a linear layer that LoRA can target -> its (inputs, outputs), for one decoder layer."""
        hidden, inner = self.hidden, self.inner
        return {
            "q_proj": (hidden, self.query),
            "k_proj": (hidden, self.key),
            "v_proj": (hidden, self.key),
            "o_proj": (self.query, hidden),
            "gate_proj": (hidden, inner),
            "up_proj": (hidden, inner),
            "down_proj": (inner, hidden),
        }


def shape_of(config: PretrainedConfig) -> Shape:
    """The sizes in the transformers config of a Llama-like decoder."""
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
    """Properties of the kernels that decide how much memory they take.

    Args:
        fused: RMSNorm and SwiGLU in one kernel each (Liger, Unsloth): no float32 copies, no separate SiLU.
        stored_dropout: dropout keeps its mask and output for each adapted layer, as in PEFT.
        wide: residual stream, embeddings and norms in float32, as PEFT's prepare_model_for_kbit_training leaves them.
        grouped: attention uses grouped keys directly; else they are repeated for each query head.
        keeps_product: the input of down_proj is kept; Unsloth without dropout recomputes it.
        offloads: activation checkpoints are in CPU memory (Unsloth).
        masked: attention builds a mask over all token pairs of a forward pass (packed rows with plain sdpa).
    """

    fused: bool = True
    stored_dropout: bool = False
    wide: bool = False
    grouped: bool = True
    keeps_product: bool = True
    offloads: bool = False
    masked: bool = False


def kernels_of(training: Training, lora: Lora, base: Base) -> Kernels:
    """The kernels that a recipe's backend and settings select."""
    if training.backend == "unsloth":
        dropout = lora.dropout > 0
        return Kernels(stored_dropout=dropout, keeps_product=dropout, offloads=training.gradient_checkpointing)
    plain = not training.fused_kernels
    unfused = plain or lora.variant == "dora"
    return Kernels(fused=not plain, stored_dropout=unfused and lora.dropout > 0, grouped=training.packing)


@dataclass(frozen=True)
class Memory:
    """Peak memory in bytes, by purpose.

    Args:
        weights: of the base, quantised or not.
        adapter: its float32 parameters and gradients, and the optimizer's state.
        activations: kept for the backward pass.
        workspace: gradients in flight, dequantised weights, a chunk of logits.
    """

    weights: int
    adapter: int
    activations: int
    workspace: int

    @property
    def total(self) -> int:
        """The sum."""
        return self.weights + self.adapter + self.activations + self.workspace


def estimate_memory(
    config: PretrainedConfig,
    lora: Lora,
    training: Training,
    base: Base,
    *,
    tokens: int | None = None,
    kernels: Kernels | None = None,
) -> Memory:
    """Peak memory of one device that trains with these settings.

    Args:
        config: the base's transformers config.
        tokens: of one forward pass, including padding; None takes batch_size examples of base.max_length.
        kernels: None takes those that the settings select.
    """
    shape, kernels = shape_of(config), kernels or kernels_of(training, lora, base)
    tokens = tokens or training.batch_size * base.max_length
    wide = 4 if training.precision == "float32" else 2
    linear = shape.layers * sum(inputs * outputs for inputs, outputs in shape.linears.values())
    embeddings = shape.vocabulary * shape.hidden * (1 if shape.tied else 2)
    linear_bytes = WEIGHT_BITS[base.quantization] / 8 if base.quantization in WEIGHT_BITS else wide
    adapted = [shape.linears.get(name, (shape.hidden, shape.inner)) for name in targets_of(lora)]
    parameters = shape.layers * lora.r * sum(inputs + outputs for inputs, outputs in adapted)
    if lora.variant == "dora":
        parameters += shape.layers * sum(outputs for _, outputs in adapted)
    layer = kept_by_layer(shape, lora, kernels, wide)
    checkpoint = shape.hidden * (4 if kernels.wide else wide)
    if training.gradient_checkpointing:
        kept = layer + (0 if kernels.offloads else shape.layers * checkpoint)
    else:
        kept = shape.layers * layer
    in_flight = (IN_FLIGHT_CHECKPOINTED if training.gradient_checkpointing else IN_FLIGHT) * shape.inner * wide
    unpacked = 2 * max(shape.hidden, shape.query) * shape.inner * wide if base.quantization in WEIGHT_BITS else 0
    # DoRA's norms: a weight, its update and their sum
    whole = 3 * 4 * max(inputs * outputs for inputs, outputs in adapted) if lora.variant == "dora" else 0
    mask = 3 * tokens**2 if kernels.masked else 0  # booleans, and bfloat16 numbers to add
    return Memory(
        weights=round(linear * linear_bytes + embeddings * (4 if kernels.wide else wide)),
        adapter=parameters * (4 + 4 + OPTIMIZER_BYTES[training.optimizer]),
        activations=tokens * kept + mask,
        workspace=tokens * in_flight + unpacked + whole + min(tokens, LOSS_CHUNK) * shape.vocabulary * 4,
    )


def targets_of(lora: Lora) -> Sequence[str]:
    """The names of the adapted layers; Llama's seven where the recipe leaves them to the family."""
    return lora.target_modules or SEVEN_PROJECTIONS


def kept_by_layer(shape: Shape, lora: Lora, kernels: Kernels, wide: int) -> int:
    """Bytes per token that one decoder layer keeps for the backward pass, at `wide` bytes per number.

    A frozen layer keeps no input, since its weights have no gradient; an adapted one keeps it for the gradient of lora_A.
    """
    norm = 4 if kernels.wide or not kernels.fused else wide  # unfused, the norm keeps a float32 copy
    keys = shape.key if kernels.grouped else shape.query
    numbers = shape.query + 2 * keys + shape.query  # inputs of attention, and its output, which is the input of o_proj
    numbers += 2 * shape.inner + (0 if kernels.fused else shape.inner)  # gate and up, and SiLU's output
    adapted = set(targets_of(lora))
    if (
        lora.variant == "dora"
    ):  # the product with the base and that with the adapter, for the gradient of the magnitudes
        numbers += 2 * sum(shape.linears.get(name, (0, shape.inner))[1] for name in adapted)
    if kernels.stored_dropout:
        dropped = sum(shape.linears.get(name, (shape.hidden, 0))[0] for name in adapted)
        return 2 * shape.hidden * norm + numbers * wide + dropped * (wide + 1)
    numbers += shape.hidden * bool(adapted & {"q_proj", "k_proj", "v_proj"})
    numbers += shape.hidden * bool(adapted & {"gate_proj", "up_proj"})
    numbers += shape.inner * ("down_proj" in adapted and kernels.keeps_product)
    return 2 * shape.hidden * norm + numbers * wide
